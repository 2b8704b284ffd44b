import { openImage, type StoredImage } from '@stillframe/page-stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type CaptureOptions, takeSnapshot } from '../src/index.ts';
import { runWriters, SimulatedGuest, SimulatedPacker, simulatedClock } from '../src/simulated/index.ts';
import { failureOf, leftBehind, memoryDifference, restored, snapshotOptions, TestSink } from './fixture.ts';

const PAGE = 4096;
const LZ4 = { method: 'lz4' } as const;

const regions = fc.array(
  fc.record({ pageCount: fc.integer({ min: 1, max: 60 }), pageSize: fc.constantFrom(PAGE, 4 * PAGE) }),
  { minLength: 1, maxLength: 3 },
);

const capture: fc.Arbitrary<CaptureOptions> = fc.oneof(
  fc.constant({ preImagesMaxBytes: 0, overflow: 'stall' } as const),
  fc.record({
    preImagesMaxBytes: fc.integer({ min: 4, max: 200 }).map((pages) => pages * PAGE),
    overflow: fc.constantFrom('stall', 'spill'),
  }),
);

const how = fc.record({
  regions,
  capture,
  seed: fc.integer(),
  packedSlabs: fc.integer({ min: 1, max: 32 }),
  chunkBytes: fc.constantFrom(PAGE, 65_536),
  sinkMs: fc.constantFrom(0, 0.01, 1),
  packMs: fc.array(fc.constantFrom(0, 0.01, 1, 5), { minLength: 1, maxLength: 7 }),
});

type How = typeof how extends fc.Arbitrary<infer T> ? T : never;

function stage({ regions: sizes, seed, chunkBytes, packedSlabs, sinkMs, packMs, capture: store }: How) {
  const clock = simulatedClock({ autoAdvance: true });
  const guest = new SimulatedGuest({ clock, regions: sizes });
  const sink = new TestSink();
  sink.onWrite = () => (sinkMs > 0 ? clock.after(sinkMs) : undefined);
  const packer = new SimulatedPacker({
    before: (slab) => {
      const ms = packMs[slab % packMs.length]!;
      return ms > 0 ? clock.after(ms) : undefined;
    },
  });
  const writing = runWriters({ guest, clock, writerCount: 3, writesEach: 30, intervalNs: 20_000, seed });
  const chunks = { packer, compression: LZ4, chunkBytes, index: true };
  return {
    clock,
    guest,
    sink,
    packer,
    writing,
    options: snapshotOptions(guest, sink, { clock, capture: store, packedSlabs, chunks }),
  };
}

it('the image is the memory at the cut, in whichever order its slabs are packed', async () => {
  await fc.assert(
    fc.asyncProperty(how, async (setting) => {
      const { guest, sink, packer, writing, options } = stage(setting);
      const summary = await takeSnapshot(options).result;
      await writing;
      expect(memoryDifference((await restored(sink.image())).memory, guest.memoryAtCut)).toBe('');
      expect(summary.faultPages + summary.sweptPages).toBe(summary.pages);
      expect(packer).toMatchObject({ lent: 0, underWay: 0 });
    }),
    { numRuns: 60 },
  );
});

it('given up at any moment it leaves nothing behind', async () => {
  await fc.assert(
    fc.asyncProperty(how, fc.integer({ min: 0, max: 20 }), async (setting, abortMs) => {
      const { clock, guest, sink, packer, writing, options } = stage(setting);
      const abort = new AbortController();
      const run = takeSnapshot({ ...options, signal: abort.signal });
      void clock.after(abortMs).then(() => abort.abort(new Error('enough')));
      const failure = failureOf(run.result.then(() => Promise.reject(new RangeError('done before'))));
      const code = await failure.then(
        (error) => error.code,
        () => 'done',
      );
      await writing;
      expect(packer).toMatchObject({ lent: 0, underWay: 0 });
      if (code === 'done') return;
      expect(code).toBe('aborted');
      expect(await leftBehind(guest, sink)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

it('a chain of increments shows each cut, noted or compared', async () => {
  await fc.assert(
    fc.asyncProperty(
      how.filter((setting) => setting.capture.preImagesMaxBytes > 0),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
      async (setting, isNoted) => {
        const { clock, guest, packer, writing, options } = stage(setting);
        let parent: StoredImage | undefined;
        let mark: object | undefined;
        for (const [number, notes] of [true, ...isNoted].entries()) {
          const sink = new TestSink();
          const since = mark === undefined || parent === undefined ? {} : { changedSince: mark };
          // oxlint-disable-next-line no-await-in-loop -- one after the other
          const summary = await takeSnapshot({
            ...options,
            sink,
            streamId: new Uint8Array(16).fill(number + 1),
            capture: { ...options.capture, notesChanges: notes, ...since },
            chunks: { ...options.chunks, ...(parent === undefined ? {} : { parent }) },
          }).result;
          const bytes = sink.image()!;
          const image: StoredImage = openImage((at, length) => bytes.subarray(at, at + length), {
            sizeBytes: bytes.length,
            ...(parent === undefined ? {} : { parent }),
          });
          const memory = image.regions.map(({ id, sizeBytes }) => {
            const pages = new Uint8Array(sizeBytes);
            image.readPages(id, 0, pages);
            return pages;
          });
          expect(memoryDifference(memory, guest.memoryAtCut)).toBe('');
          expect(image.chainLength).toBe(number);
          parent = image;
          mark = summary.mark;
          // oxlint-disable-next-line no-await-in-loop -- the guest writes on
          await clock.after(0.2);
        }
        await writing;
        expect(packer).toMatchObject({ lent: 0, underWay: 0 });
      },
    ),
    { numRuns: 40 },
  );
});
