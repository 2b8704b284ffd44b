import { linearScan, none, tokenBucket } from '@stillframe/limiter';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type CaptureOptions, takeSnapshot } from '../src/index.ts';
import { runWriters, SimulatedGuest, simulatedClock } from '../src/simulated/index.ts';
import { memoryDifference, restored, snapshotOptions, TestSink } from './fixture.ts';

const PAGE = 4096;

const region = fc
  .record({ pageCount: fc.integer({ min: 1, max: 40 }), pageSize: fc.constantFrom(PAGE, 4 * PAGE) })
  .chain(({ pageCount, pageSize }) =>
    fc.integer({ min: 0, max: pageCount }).map((touchedPages) => ({ pageCount, pageSize, touchedPages })),
  );

const capture: fc.Arbitrary<CaptureOptions> = fc.oneof(
  fc.constant({ preImagesMaxBytes: 0, overflow: 'stall' } as const),
  fc.record({
    preImagesMaxBytes: fc.integer({ min: 4, max: 200 }).map((pages) => pages * PAGE),
    overflow: fc.constantFrom('stall', 'spill'),
  }),
);

const limiter = fc.constantFrom(
  none,
  () => linearScan({ waits: 5 }),
  () => tokenBucket({ rate: 20_000_000, burst: 65536 }),
);

it('the image is the memory at the cut, whatever the guest, the store, the sink and the policy', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        regions: fc.array(region, { minLength: 1, maxLength: 4 }),
        capture,
        limiter,
        seed: fc.integer(),
        intervalNs: fc.integer({ min: 100, max: 100_000 }),
        sinkMs: fc.constantFrom(0, 0.01, 1, 7),
      }),
      async ({ regions, seed, intervalNs, sinkMs, ...rest }) => {
        const clock = simulatedClock({ autoAdvance: true });
        const guest = new SimulatedGuest({ clock, regions });
        const sink = new TestSink();
        sink.onWrite = () => (sinkMs > 0 ? clock.after(sinkMs) : undefined);
        const writing = runWriters({ guest, clock, writerCount: 3, writesEach: 30, intervalNs, seed });
        const options = snapshotOptions(guest, sink, {
          clock,
          capture: rest.capture,
          limiter: rest.limiter(),
        });
        const summary = await takeSnapshot(options).result;
        await writing;
        expect(memoryDifference((await restored(sink.image())).memory, guest.memoryAtCut)).toBe('');
        expect(summary.faultPages + summary.sweptPages).toBe(summary.pages);
        expect(summary.pages).toBe(regions.reduce((sum, { pageCount }) => sum + pageCount, 0));
      },
    ),
    { numRuns: 60 },
  );
});
