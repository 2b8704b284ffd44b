/* oxlint-disable no-await-in-loop -- one thing after the other */
import { openImage, type StoredImage } from '@stillframe/page-stream';
import { describe, expect, it } from 'vitest';
import { takeSnapshot } from '../src/index.ts';
import { Barrier, SimulatedPacker } from '../src/simulated/index.ts';
import {
  failureOf,
  hang,
  INLINE,
  leftBehind,
  memoryDifference,
  restored,
  SMALL,
  smallGuest,
  snapshotOptions,
  TestSink,
} from './fixture.ts';

const LZ4 = { method: 'lz4' } as const;
const PAGES = 200;
const regions = [{ pageCount: PAGES }];

function imageOf(sink: TestSink, parent?: StoredImage): StoredImage {
  const bytes = sink.image()!;
  const readAt = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return openImage(readAt, { sizeBytes: bytes.length, ...(parent === undefined ? {} : { parent }) });
}

function noise(seed: number): Uint8Array {
  let state = seed + 1;
  return Uint8Array.from({ length: 4096 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

describe('a packer', () => {
  it('makes the image smaller, and the image is that of the cut', async () => {
    const { guest, clock } = smallGuest({ regions });
    const sink = new TestSink();
    const packer = new SimulatedPacker();
    const chunks = { packer, compression: LZ4, index: true };
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, chunks }));
    const { packing, bytes } = await run.result;
    expect(memoryDifference((await restored(sink.image())).memory, guest.memoryAtCut)).toBe('');
    expect(packing).toMatchObject({ compression: 'lz4', dataBytes: PAGES * 4096, isIncrement: false });
    expect(packing.storedBytes).toBeLessThan(packing.dataBytes / 20);
    expect(packing.ratio).toBe(packing.dataBytes / packing.storedBytes);
    expect(packing.pagesByKind.lz4).toBe(PAGES);
    expect(bytes).toBeLessThan(PAGES * 4096);
    expect(imageOf(sink).index).toBe('used');
    expect(packer).toMatchObject({ lent: 0, underWay: 0 });
  });

  it('gives slabs back when they are packed, not when they are written', async () => {
    const { guest, clock } = smallGuest({ regions });
    const sink = new TestSink();
    const stuck = new Barrier();
    sink.onWrite = (index) => (index === 1 ? stuck.lifted : undefined);
    const packer = new SimulatedPacker();
    const chunks = { packer, compression: LZ4 };
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, chunks, packedSlabs: 3 }));
    while (packer.lent < 2) await clock.after(1);
    await clock.after(5);
    // The state is being written, and two slabs wait behind it: three in all.
    expect({ lent: packer.lent, slabs: packer.slabs, onLoan: guest.capture!.slabsOnLoan }).toEqual({
      lent: 2,
      slabs: 2,
      onLoan: 0,
    });
    // The limiter thinks in bytes of memory: two slabs of 16 pages, and the state.
    expect(run.progress().sink.backlogBytes).toBeLessThan(16 * 4096);
    stuck.lift();
    await run.result;
  });

  it('is told of no slab while as many as may be are under way', async () => {
    const { guest, clock } = smallGuest({ regions });
    let most = 0;
    const packer: SimulatedPacker = new SimulatedPacker({
      before: async () => {
        most = Math.max(most, packer.underWay);
        await clock.after(1);
      },
    });
    const options = { clock, chunks: { packer, compression: LZ4 }, packedSlabs: 5 };
    await takeSnapshot(snapshotOptions(guest, new TestSink(), options)).result;
    expect(most).toBe(5);
  });

  it.each([
    [1, 1],
    [2, 2],
    [8, 8],
    [32, 12],
    [8, 32],
  ])('packs %i slabs with %i buffers, and never waits for itself', async (packedSlabs, buffers) => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 900 }, { pageCount: 900 }] });
    let most = 0;
    const packer: SimulatedPacker = new SimulatedPacker({
      buffers,
      before: async (slab) => {
        most = Math.max(most, packer.underWay);
        await clock.after(1 + (slab % 3));
      },
    });
    const sink = new TestSink();
    const writes: number[] = [];
    sink.onWrite = () => void writes.push(packer.lent);
    const options = { clock, chunks: { packer, compression: LZ4 }, packedSlabs };
    await takeSnapshot(snapshotOptions(guest, sink, options)).result;
    expect(memoryDifference((await restored(sink.image())).memory, guest.memoryAtCut)).toBe('');
    expect(most).toBeLessThanOrEqual(packedSlabs);
    expect(packer).toMatchObject({ lent: 0, underWay: 0 });
  });

  it.each([1, 2, 3, 4, 5])('slabs packed in any order give the same bytes (%i)', async (seed) => {
    const images: Uint8Array[] = [];
    for (const isShuffled of [false, true]) {
      const { guest, clock } = smallGuest({ regions: [{ pageCount: 900 }] });
      // Stretches that do not shrink: what is tried after them depends on when their results are heard of.
      for (let page = 0; page < 900; page++) if (page % 300 > 60) await guest.write(0, page, noise(page));
      const sink = new TestSink();
      let state = seed;
      const packer = new SimulatedPacker({
        before: async () => {
          state = (state * 16_807) % 2_147_483_647;
          if (isShuffled) await clock.after(state % 7);
        },
      });
      const chunks = { packer, compression: LZ4, chunkBytes: 4096, index: true };
      await takeSnapshot(snapshotOptions(guest, sink, { clock, chunks, packedSlabs: 8 })).result;
      images.push(sink.image()!);
    }
    expect(Buffer.compare(images[0]!, images[1]!)).toBe(0);
  });

  it('a slab of several regions comes as several, and more are under way then', async () => {
    const { guest, clock } = smallGuest({ regions });
    const open = guest.open.bind(guest);
    guest.open = async (options) => {
      const capture = await open(options);
      const pull = capture.pull.bind(capture);
      capture.pull = (maxSlabs) => [maxSlabs, maxSlabs, maxSlabs].flatMap((each) => pull(each));
      // As the real one when there is something to pull: at once. Whoever asks again and again holds the event loop.
      capture.wait = async () => {
        if (++waits > 1000) throw new Error('waits for what is there already');
      };
      return capture;
    };
    let waits = 0;
    const sink = new TestSink();
    // A write that is over at some time, not at once: only timers move it on.
    sink.onWrite = () => new Promise((resolve) => setTimeout(resolve, 1));
    const chunks = { packer: new SimulatedPacker(), compression: LZ4 };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, chunks, packedSlabs: 2 })).result;
    expect(memoryDifference((await restored(sink.image())).memory, guest.memoryAtCut)).toBe('');
  });

  it('in inline mode a page is released when the sink has it', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 20 }] });
    const sink = new TestSink();
    const onLoan: number[] = [];
    sink.onWrite = async () => {
      await clock.after(1);
      onLoan.push(guest.capture?.slabsOnLoan ?? 0);
    };
    const chunks = { packer: new SimulatedPacker(), compression: LZ4 };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, chunks, capture: INLINE })).result;
    expect(onLoan).toEqual([0, 0, ...Array(20).fill(1), 0]);
    expect(memoryDifference((await restored(sink.image())).memory, guest.memoryAtCut)).toBe('');
  });

  it('the limiter is told of bytes of memory', async () => {
    const { guest, clock } = smallGuest({ regions });
    const sink = new TestSink();
    sink.onWrite = () => clock.after(1);
    const backlogs: number[] = [];
    const onLimiterStep = ({ observation }: { observation: { sink: { backlogBytes: number } } }) =>
      backlogs.push(observation.sink.backlogBytes);
    const chunks = { packer: new SimulatedPacker(), compression: LZ4 };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, chunks, onLimiterStep })).result;
    expect(Math.max(...backlogs)).toBeGreaterThan(16 * 4096);
    expect(backlogs.at(-1)).toBe(0);
  });
});

describe('a packer that fails', () => {
  it.each([
    [0, 1],
    [1, 1],
    [5, 1],
    [0, 8],
    [2, 8],
    [7, 8],
  ])('fails the snapshot, never the guest (slab %i, %i buffers)', async (failing, buffers) => {
    const { guest, clock } = smallGuest({ regions });
    const sink = new TestSink();
    const packer = new SimulatedPacker({
      buffers,
      before: async (slab) => {
        await clock.after(1);
        if (slab === failing) throw new Error('no memory');
      },
    });
    const options = { clock, chunks: { packer, compression: LZ4 }, packedSlabs: 8 };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, options)).result);
    expect(failure.code).toBe('packer-failed');
    expect(failure.message).toContain('no memory');
    expect(failure.failedCleanups).toEqual([]);
    expect(await leftBehind(guest, sink)).toEqual([]);
    expect(packer).toMatchObject({ lent: 0, underWay: 0 });
  });

  it('is noticed while the sink hangs', async () => {
    const { guest, clock } = smallGuest({ regions });
    const sink = new TestSink();
    sink.onWrite = (index) => (index === 1 ? hang() : undefined);
    const packer = new SimulatedPacker({
      before: (slab) => {
        if (slab === 2) throw new Error('no memory');
      },
    });
    const options = { clock, chunks: { packer, compression: LZ4 } };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, options)).result);
    expect(failure.code).toBe('packer-failed');
    expect(await leftBehind(guest, sink)).toEqual([]);
    expect(packer.lent).toBe(0);
  });
});

describe('aborted while it packs', () => {
  it.each([0, 1, 4])('waits for the packer before slabs go back (slab %i)', async (slabAtAbort) => {
    const { guest, clock } = smallGuest({ regions });
    const sink = new TestSink();
    const abort = new AbortController();
    const packing = new Barrier();
    const packer = new SimulatedPacker({
      before: async (slab) => {
        if (slab !== slabAtAbort) return;
        abort.abort(new Error('enough'));
        await packing.lifted;
        // Still the pages that the guest had: nobody has given them back.
        expect(guest.capture!.slabsOnLoan).toBeGreaterThan(0);
      },
    });
    const options = { clock, chunks: { packer, compression: LZ4 }, signal: abort.signal, capture: SMALL };
    const run = takeSnapshot(snapshotOptions(guest, sink, options));
    const failure = failureOf(run.result);
    while (!sink.calls.includes('abort')) await clock.after(1);
    expect(guest.isPaused).toBe(false);
    packing.lift();
    expect((await failure).code).toBe('aborted');
    expect(await leftBehind(guest, sink)).toEqual([]);
    expect(packer).toMatchObject({ lent: 0, underWay: 0 });
  });
});

describe('aborted while slabs wait for a buffer of the packer', () => {
  it('gives back those that are packed, and then the others', async () => {
    const { guest, clock } = smallGuest({ regions });
    const open = guest.open.bind(guest);
    guest.open = async (options) => {
      const capture = await open(options);
      const pull = capture.pull.bind(capture);
      capture.pull = (maxSlabs) => [maxSlabs, maxSlabs, maxSlabs, maxSlabs].flatMap((each) => pull(each));
      return capture;
    };
    const packer: SimulatedPacker = new SimulatedPacker({
      before: async () => {
        while (packer.lent >= 2) await clock.after(0.1);
      },
    });
    const sink = new TestSink();
    const stuck = new Barrier();
    sink.onWrite = (index) => {
      if (index < 1) return undefined;
      stuck.lift();
      return hang();
    };
    const abort = new AbortController();
    const options = { clock, chunks: { packer, compression: LZ4 }, signal: abort.signal };
    const failure = failureOf(takeSnapshot(snapshotOptions(guest, sink, options)).result);
    await stuck.lifted;
    while (packer.lent < 2) await clock.after(0.1);
    abort.abort(new Error('enough'));
    expect((await failure).code).toBe('aborted');
    expect(await leftBehind(guest, sink)).toEqual([]);
    expect(packer).toMatchObject({ lent: 0, underWay: 0 });
  });
});

describe('packedSlabs', () => {
  it.each([0, 33, 1.5])('%d is refused', (packedSlabs) => {
    const { guest, clock } = smallGuest();
    expect(() => takeSnapshot(snapshotOptions(guest, new TestSink(), { clock, packedSlabs }))).toThrow(
      RangeError,
    );
  });

  it.each([1, 32])('%d is not', async (packedSlabs) => {
    const { guest, clock } = smallGuest();
    const chunks = { packer: new SimulatedPacker(), compression: LZ4 };
    const options = { clock, packedSlabs, chunks };
    const { pages } = await takeSnapshot(snapshotOptions(guest, new TestSink(), options)).result;
    expect(pages).toBe(12);
  });
});
