/* oxlint-disable no-await-in-loop -- one thing after the other */
import { openImage, type StoredImage } from '@stillframe/page-stream';
import { describe, expect, it } from 'vitest';
import { type SnapshotOptions, type SnapshotSummary, takeSnapshot } from '../src/index.ts';
import { type SimulatedGuest, SimulatedPacker } from '../src/simulated/index.ts';
import {
  failureOf,
  harmTo,
  memoryDifference,
  ROOMY,
  smallGuest,
  snapshotOptions,
  TestSink,
} from './fixture.ts';

const LZ4 = { method: 'lz4' } as const;
const NOTING = { ...ROOMY, notesChanges: true };

interface Taken {
  readonly image: StoredImage;
  readonly summary: SnapshotSummary;
}

function readAtOf(bytes: Uint8Array) {
  return (offset: number, length: number) => bytes.subarray(offset, offset + length);
}

async function take(
  guest: SimulatedGuest,
  more: Partial<SnapshotOptions> & Pick<SnapshotOptions, 'clock'>,
  damage: (image: Uint8Array) => void = () => {},
): Promise<Taken> {
  const sink = new TestSink();
  const parent = more.chunks?.parent;
  const streamId = crypto.getRandomValues(new Uint8Array(16));
  const summary = await takeSnapshot(snapshotOptions(guest, sink, { streamId, ...more })).result;
  const bytes = sink.image()!;
  damage(bytes);
  const isWhole = parent === undefined || !summary.packing.isIncrement;
  const image = openImage(readAtOf(bytes), { sizeBytes: bytes.length, ...(isWhole ? {} : { parent }) });
  return { image, summary };
}

function memoryOf(image: StoredImage): Uint8Array[] {
  return image.regions.map(({ id, sizeBytes }) => {
    const bytes = new Uint8Array(sizeBytes);
    image.readPages(id, 0, bytes);
    return bytes;
  });
}

describe.each(['with a packer', 'without'])('an increment, %s', (how) => {
  const packer = new SimulatedPacker();
  const form = how === 'without' ? { index: true } : { packer, compression: LZ4, index: true };

  it('holds the pages that changed, found by comparing', async () => {
    const { guest, clock } = smallGuest({
      regions: [{ pageCount: 100 }, { pageCount: 60, touchedPages: 30 }],
    });
    const full = await take(guest, { clock, chunks: form });
    await guest.write(0, 17, new Uint8Array([1, 2, 3]));
    await guest.write(1, 45, new Uint8Array([4]));
    const { image, summary } = await take(guest, { clock, chunks: { ...form, parent: full.image } });
    expect(memoryDifference(memoryOf(image), guest.memoryAtCut)).toBe('');
    expect(summary.packing).toMatchObject({ isIncrement: true, inheritedPages: 158, dataBytes: 2 * 4096 });
    expect(summary.packing.deltaPages).toBe(how === 'without' ? 0 : 1);
    expect(summary.bytes).toBeLessThan(full.summary.bytes / 4 + 8192);
    expect(image.chainLength).toBe(1);
    expect(packer.lent).toBe(0);
  });

  it('reads only what changed when the guest can tell', async () => {
    const { guest, clock } = smallGuest({
      regions: [{ pageCount: 100 }, { pageCount: 60, touchedPages: 30 }],
    });
    let last = await take(guest, { clock, chunks: form, capture: NOTING });
    for (let round = 1; round <= 4; round++) {
      const changedSince = last.summary.mark!;
      await guest.write(0, round * 3, new Uint8Array([round]));
      await guest.write(1, 40 + round, new Uint8Array([round]));
      const chunks = { ...form, parent: last.image };
      last = await take(guest, { clock, chunks, capture: { ...NOTING, changedSince } });
      expect(memoryDifference(memoryOf(last.image), guest.memoryAtCut)).toBe('');
      expect(last.summary).toMatchObject({ pages: 160, sweptPages: 2, packing: { inheritedPages: 158 } });
      expect(last.image.chainLength).toBe(round);
    }
  });
});

describe('an increment', () => {
  it('of a guest with other regions is a full image, and says so', async () => {
    const before = smallGuest({ regions: [{ pageCount: 100 }] });
    const full = await take(before.guest, { clock: before.clock, chunks: { index: true } });
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 101 }] });
    const { image, summary } = await take(guest, { clock, chunks: { parent: full.image } });
    expect(summary.packing).toMatchObject({ isIncrement: false, inheritedPages: 0 });
    expect(image.parentIdentity).toBeUndefined();
    expect(memoryDifference(memoryOf(image), guest.memoryAtCut)).toBe('');
  });

  it('fails when the parent is damaged where it is compared, and the guest goes on', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 100 }] });
    const { image } = await take(guest, { clock, chunks: { index: true } }, (bytes) => {
      bytes[bytes.length >> 1]! ^= 1;
    });
    const sink = new TestSink();
    const chunks = { parent: image, packer: new SimulatedPacker(), compression: LZ4 };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock, chunks })).result);
    expect(failure).toMatchObject({ code: 'parent-failed', operands: { streamCode: 'STREAM_PAYLOAD_CRC' } });
    expect(await harmTo(guest)).toEqual([]);
    expect(sink.calls).toContain('abort');
  });

  it('without a parent cannot leave pages out', () => {
    const { guest, clock } = smallGuest();
    const capture = { ...ROOMY, changedSince: {} };
    expect(() => takeSnapshot(snapshotOptions(guest, new TestSink(), { clock, capture }))).toThrow(TypeError);
  });

  it('with a mark that the guest does not know compares', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 100 }] });
    const full = await take(guest, { clock, chunks: { index: true } });
    const capture = { ...ROOMY, changedSince: {} };
    const { summary } = await take(guest, { clock, capture, chunks: { parent: full.image } });
    expect(summary).toMatchObject({ sweptPages: 100, packing: { isIncrement: true, inheritedPages: 100 } });
  });

  it('a guest that leaves pages out whose regions are not those of the parent is wrong', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 100 }] });
    const other = smallGuest({ regions: [{ pageCount: 50 }] });
    const parent = await take(other.guest, { clock: other.clock, chunks: { index: true } });
    const { summary } = await take(guest, { clock, capture: NOTING });
    const capture = { ...ROOMY, changedSince: summary.mark! };
    const options = { clock, capture, chunks: { parent: parent.image } };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, new TestSink(), options)).result);
    expect(failure.code).toBe('capture-failed');
  });
});
