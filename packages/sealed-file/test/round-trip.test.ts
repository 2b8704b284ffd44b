import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSealed, openSealed, SealedWriter, Sealer } from '../src/index.ts';
import {
  counted,
  fixedRandom,
  KEY_FILE,
  keyFile,
  opened,
  passphrase,
  SEGMENT,
  sealed,
} from './support/files.ts';
import { naiveOpen } from './support/naive.ts';

const SIZES = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 3 * SEGMENT + 7];

describe('what was sealed opens again', () => {
  it.each(SIZES)('%i bytes, by this reader and by the naive one', async (sizeBytes) => {
    const content = counted(sizeBytes);
    const file = await sealed(content);
    expect(isSealed(file)).toBe(true);
    expect(await opened(file)).toEqual(content);
    expect(naiveOpen(file, { keyFile: KEY_FILE }).equals(content)).toBe(true);
    const byPassphrase = await sealed(content, passphrase);
    expect(await opened(byPassphrase, passphrase)).toEqual(content);
    expect(naiveOpen(byPassphrase, { passphrase: 'correct horse' })).toEqual(content);
  });

  it('however it is cut for writing, and wherever it is read', async () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 2 * SEGMENT + 3 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat(6 * SEGMENT), fc.nat(3 * SEGMENT), async (sizes, offset, length) => {
        const parts = sizes.map((size, index) => counted(size, index));
        const content = Buffer.concat(parts);
        const sealer = await Sealer.create(keyFile, { segmentBytes: SEGMENT });
        const out = [sealer.header];
        for (const part of parts) {
          const lent = Buffer.from(part);
          out.push(...sealer.push(lent));
          lent.fill(0xee);
        }
        const file = Buffer.concat([...out, ...sealer.finish()]);
        expect(naiveOpen(file, { keyFile: KEY_FILE }).equals(content)).toBe(true);
        const reader = await openSealed((at, count) => file.subarray(at, at + count), file.length, keyFile);
        expect(reader.sizeBytes).toBe(content.length);
        const read = Buffer.from(reader.readAt(offset, length));
        expect(read.equals(content.subarray(offset, offset + length))).toBe(true);
        expect(Buffer.concat([...reader.segments()]).equals(content)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('through a writer, which gives the header first and gives others turns', async () => {
    const content = counted(3 * 1024 * 1024 + 5);
    const appended: Uint8Array[][] = [];
    const append = async (iovecs: readonly Uint8Array[]): Promise<void> => void appended.push([...iovecs]);
    const writer = await SealedWriter.create(append, keyFile);
    let turns = 0;
    const timer = setInterval(() => (turns += 1));
    await writer.append([content.subarray(0, 100), content.subarray(100)]);
    clearInterval(timer);
    await writer.finish();
    expect(appended.length).toBeGreaterThan(3);
    expect(turns).toBeGreaterThan(0);
    expect(naiveOpen(Buffer.concat(appended.flat()), { keyFile: KEY_FILE }).equals(content)).toBe(true);
  });

  it('one write at a time, in order, while more is sealed; a failure comes with the next call', async () => {
    const gates: (() => void)[] = [];
    const opening = () => new Promise<void>((resolve) => void gates.push(resolve));
    let begun = 0;
    const append = async (): Promise<void> => {
      begun += 1;
      await opening();
      if (begun === 2) throw new Error('full');
    };
    const writer = await SealedWriter.create(append, keyFile, { segmentBytes: SEGMENT });
    // Resolves although its write is under way.
    await writer.append([counted(2 * SEGMENT)]);
    const second = writer.append([counted(2 * SEGMENT)]);
    expect(begun).toBe(1);
    gates.shift()!();
    await second;
    expect(begun).toBe(2);
    gates.shift()!();
    await expect(writer.finish()).rejects.toThrow('full');
    expect(begun).toBe(2);
  });

  it('nothing is the same twice', async () => {
    const [one, other] = [await sealed(counted(100)), await sealed(counted(100))];
    for (const [from, to] of [
      [24, 56],
      [56, 68],
      [68, 100],
      [144, 244],
    ] as const) {
      expect(one.subarray(from, to).equals(other.subarray(from, to))).toBe(false);
    }
  });

  it('golden vectors', async () => {
    const content = Buffer.from('Stillframe');
    const byKeyFile = await sealed(content, keyFile, { random: fixedRandom() });
    expect(byKeyFile.toString('hex')).toMatchSnapshot('key file');
    const byPassphrase = await sealed(content, passphrase, { random: fixedRandom() });
    expect(byPassphrase.toString('hex')).toMatchSnapshot('passphrase');
  });
});
