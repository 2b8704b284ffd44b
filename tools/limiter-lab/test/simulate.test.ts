import fc from 'fast-check';
import { waitTotal } from '@stillframe/snapshot';
import { describe, expect, it } from 'vitest';
import type { RunResult } from '../src/run-result.ts';
import type { StoreMode } from '../src/scenario.ts';
import { simulate } from '../src/sim/simulate.ts';
import { SINK_SHAPES } from '../src/sink-shape.ts';
import { WORKLOADS } from '../src/workload.ts';
import { FIXED_COSTS, MIB, PAGE, sink, small, workload } from './small.ts';

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

const LIMITERS = ['none', 'linear-scan', 'gentle', { name: 'token-bucket', rate: '100MB/s' }];

function expectConserved(run: RunResult): void {
  const { series } = run.timeline;
  // Every page exactly once: captured, and taken by the sink. A page that is captured twice throws in the simulator itself.
  expect(run.faultPages + run.sweptPages).toBe(run.pages);
  expect(run.takenPages).toBe(run.pages);
  expect(sum(series.takenBytes)).toBeCloseTo(run.pages * PAGE, -2);
  expect(sum(series.sweptPages)).toBe(run.sweptPages);
  expect(sum(series.faultPages)).toBe(run.faultPages);
  // No wait is negative (that throws), and every write that faulted was counted.
  expect(waitTotal(run.writes.counts)).toBeGreaterThanOrEqual(run.faultPages - 4);
  expect(run.writes.longestNs).toBeLessThanOrEqual(run.writes.sumNs);
  expect(run.heldBytesMax).toBeLessThanOrEqual(run.pages * PAGE);
}

describe('what is conserved', () => {
  it('in any scenario, with any policy and store', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...WORKLOADS),
        fc.constantFrom(...SINK_SHAPES),
        fc.constantFrom(...LIMITERS),
        fc.constantFrom<StoreMode>('spill', 'stall', 'inline'),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (load, shape, limiter, store, seed) => {
          expectConserved(simulate({ ...small({ workload: load, sink: shape, limiter, store }), seed }));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('a store that stalls holds no more than its bound, one that spills says what it spilled', () => {
    const bound = { workload: workload('steady'), sink: sink('stalling') };
    const stalls = simulate(small({ ...bound, store: 'stall' }));
    expect(stalls.heldBytesMax).toBeLessThanOrEqual(MIB);
    expect(stalls.heldBytesMax).toBeGreaterThan(0.9 * MIB);
    expect(stalls.spilledBytesMax).toBe(0);
    const spills = simulate(small({ ...bound, store: 'spill' }));
    expect(spills.heldBytesMax).toBeGreaterThan(MIB);
    expect(spills.spilledBytesMax).toBeGreaterThan(0);
    // Writers wait for the sink in the first case only.
    expect(stalls.writes.longestNs).toBeGreaterThan(500e6);
    expect(spills.writes.longestNs).toBeLessThan(10e6);
  });
});

it('the same seed gives the same run, another seed another', () => {
  const [seven, again, eight] = [7, 7, 8].map((seed) => simulate({ ...small({}), seed }));
  expect(seven).toEqual(again);
  expect(seven!.writes.sumNs).not.toBe(eight!.writes.sumNs);
});

describe('what can be computed', () => {
  const { sameCoreWakeNs, faultCaptureNs, unprotectPageNs, writerWakeNs, plainWriteNs } = FIXED_COSTS;
  const one = { ...workload('scan'), writesPerSecond: 1000 };

  it('one writer, no sweep: every wait is one wake-up, one capture, one un-protect, one wake-up', () => {
    const pause = {
      name: 'schedule',
      burst: PAGE,
      rates: [
        { afterMs: 0, rate: 0 },
        { afterMs: '500ms', rate: 'unlimited' },
      ],
    };
    const { writes, faultPages } = simulate(small({ workload: one, limiter: pause, costs: FIXED_COSTS }));
    const waitNs = sameCoreWakeNs + faultCaptureNs + unprotectPageNs + writerWakeNs;
    expect(writes.longestNs).toBe(waitNs);
    // A write a millisecond for half a second; then until the limiter is asked again, a tenth of a second later at the latest.
    expect(faultPages).toBeGreaterThanOrEqual(499);
    expect(faultPages).toBeLessThanOrEqual(602);
    const plain = waitTotal(writes.counts) - faultPages;
    expect(writes.sumNs).toBeCloseTo(faultPages * waitNs + plain * plainWriteNs, -1);
  });

  it('no faults and a slow sink: the rate of the sink, less what its buffer takes', () => {
    const rare = { ...one, writesPerSecond: 0.001 };
    const { totalNs, faultPages } = simulate(small({ workload: rare, costs: FIXED_COSTS }));
    expect(faultPages).toBe(0);
    const sinkNs = ((4 * MIB - 2 ** 18) / 50e6) * 1e9;
    // Before the first write there is a slab to fill, and timers are coarse.
    expect(totalNs).toBeGreaterThan(sinkNs);
    expect(totalNs).toBeLessThan(sinkNs + 5e6);
  });

  it('inline, no faults: the same turn for every page', () => {
    const rare = { ...one, writesPerSecond: 0.001 };
    const run = simulate(small({ workload: rare, sink: sink('fast'), store: 'inline', costs: FIXED_COSTS }));
    const { sweeperWakeNs, scriptWakeNs, turnNs, encodeSlabNs, encodePageNs, writeCallNs } = FIXED_COSTS;
    const turn = turnNs + encodeSlabNs + encodePageNs + writeCallNs;
    expect(run.totalNs / run.pages).toBeCloseTo(sweeperWakeNs + faultCaptureNs + scriptWakeNs + turn, -3);
  });

  it('a store that stalls, one writer, a sink that stands still: the writer waits as long as the sink', () => {
    const quick = { ...one, writesPerSecond: 50_000 };
    const run = simulate(
      small({ workload: quick, sink: sink('stalling'), store: 'inline', costs: FIXED_COSTS }),
    );
    expect(run.writes.longestNs).toBeGreaterThanOrEqual(1000e6);
    expect(run.writes.longestNs).toBeLessThan(1001e6);
  });
});
