import { describe, expect, it } from 'vitest';
import { HEADER_BYTES, SealKey } from '../src/index.ts';
import { codeOf, counted, keyFile, KEY_FILE, opened, passphrase, SEGMENT, sealed } from './support/files.ts';
import { naiveOpen } from './support/naive.ts';

const STORED = SEGMENT + 16;

const naive = async (file: Buffer): Promise<Buffer> => naiveOpen(file, { keyFile: KEY_FILE });

/** Both readers refuse. */
async function refused(file: Buffer): Promise<string> {
  expect(await codeOf(naive(file))).not.toBe('opened');
  return await codeOf(opened(file));
}

function segment(file: Buffer, number: number): Buffer {
  return file.subarray(HEADER_BYTES + number * STORED, HEADER_BYTES + (number + 1) * STORED);
}

describe('a file that was changed does not open', () => {
  it('a bit of any byte', async () => {
    const file = await sealed(counted(SEGMENT + 300));
    const codes = new Set<string>();
    for (let offset = 0; offset < file.length; offset += 1) {
      const changed = Buffer.from(file);
      changed[offset]! ^= 1 << (offset % 8);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const code = await codeOf(opened(changed));
      expect(code, `byte ${offset}`).toMatch(/^SEALED_/);
      codes.add(code);
    }
    expect([...codes].toSorted()).toEqual([
      'SEALED_DAMAGED',
      'SEALED_HEADER',
      'SEALED_KEY',
      'SEALED_LIMITS',
      'SEALED_MAGIC',
      'SEALED_TRUNCATED',
      'SEALED_VERSION',
    ]);
  });

  it('cut anywhere', async () => {
    const file = await sealed(counted(2 * SEGMENT + 50));
    for (let length = 0; length < file.length; length += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const code = await codeOf(opened(file.subarray(0, length)));
      const expected =
        length < 8 ? 'SEALED_MAGIC' : length < HEADER_BYTES ? 'SEALED_HEADER' : 'SEALED_TRUNCATED';
      expect(code, `${length} bytes`).toBe(expected);
    }
    expect(await refused(Buffer.concat([file, Buffer.from([0])]))).toBe('SEALED_TRUNCATED');
  });

  it('segments exchanged, left out, repeated, or brought from another file with the same key', async () => {
    const file = await sealed(counted(4 * SEGMENT));
    const other = await sealed(counted(4 * SEGMENT));
    const head = file.subarray(0, HEADER_BYTES);
    const of = (...numbers: number[]) =>
      Buffer.concat([head, ...numbers.map((number) => segment(file, number))]);
    expect(await opened(of(0, 1, 2, 3))).toEqual(counted(4 * SEGMENT));
    expect(await refused(of(1, 0, 2, 3))).toBe('SEALED_DAMAGED');
    expect(await refused(of(0, 2, 3))).toBe('SEALED_TRUNCATED');
    expect(await refused(of(0, 1, 1, 2, 3))).toBe('SEALED_TRUNCATED');
    expect(await refused(of(0, 1, 2))).toBe('SEALED_TRUNCATED');
    const mixed = Buffer.concat([
      head,
      segment(file, 0),
      segment(other, 1),
      segment(file, 2),
      segment(file, 3),
    ]);
    expect(await refused(mixed)).toBe('SEALED_DAMAGED');
    expect(await refused(Buffer.concat([other.subarray(0, HEADER_BYTES), file.subarray(HEADER_BYTES)]))).toBe(
      'SEALED_TRUNCATED',
    );
  });

  it('another key, or another kind of key', async () => {
    const file = await sealed(counted(10));
    expect(await codeOf(opened(file, SealKey.fromKeyFile(counted(32, 9))))).toBe('SEALED_KEY');
    expect(await codeOf(opened(file, passphrase))).toBe('SEALED_KEY_KIND');
    const byPassphrase = await sealed(counted(10), passphrase);
    expect(await codeOf(opened(byPassphrase, SealKey.fromPassphrase('correct horsf')))).toBe('SEALED_KEY');
    expect(await codeOf(opened(byPassphrase, keyFile))).toBe('SEALED_KEY_KIND');
  });
});

describe('salvaging', () => {
  it('gives zeros for a damaged segment, says which, and gives all others', async () => {
    const content = counted(4 * SEGMENT + 9);
    const file = await sealed(content);
    segment(file, 1)[5]! ^= 1;
    const ranges: object[] = [];
    const rest = await opened(file, keyFile, { onDamage: (range) => ranges.push(range) });
    expect(ranges).toEqual([{ offset: SEGMENT, length: SEGMENT }]);
    expect(rest).toEqual(Buffer.from(content).fill(0, SEGMENT, 2 * SEGMENT));
  });

  it.each([
    [0, 2 * SEGMENT, []],
    [7, 2 * SEGMENT, []],
    [100, 2 * SEGMENT, [{ offset: 2 * SEGMENT, length: 84 }]],
  ])('of a file cut %i bytes after a segment', async (extra, wholeBytes, damage) => {
    const content = counted(4 * SEGMENT);
    const file = (await sealed(content)).subarray(0, HEADER_BYTES + 2 * STORED + extra);
    const ranges: object[] = [];
    const rest = await opened(file, keyFile, { onDamage: (range) => ranges.push(range) });
    expect(rest.subarray(0, wholeBytes)).toEqual(content.subarray(0, wholeBytes));
    expect(rest.subarray(wholeBytes).every((byte) => byte === 0)).toBe(true);
    expect(ranges).toEqual(damage);
  });
});
