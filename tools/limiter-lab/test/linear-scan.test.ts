import { expect, it } from 'vitest';
import type { LimiterStep } from '@stillframe/snapshot';
import { simulate } from '../src/sim/simulate.ts';
import { rateModel, type SinkShape } from '../src/sink-shape.ts';
import { small, workload } from './small.ts';

const WAIT_NS = 5e6;
const WAITS = 200;

/** The seed's limiter from its description: after each page, the counter is set by a slow fault and spent by each pass. */
class SeedCounter {
  counter = 0;

  pageOut({ nowNs, lastFaultReadNs }: LimiterStep['observation']): void {
    if (lastFaultReadNs > 0 && nowNs - lastFaultReadNs > WAIT_NS) this.counter = WAITS;
    this.isThrottled = this.counter > 0;
    if (this.isThrottled) this.counter -= 1;
  }

  isThrottled = false;
}

/** Quick, but for 25 ms of every 50 ms; its buffer takes what comes in six of them. */
const HICCUPS: SinkShape = {
  name: 'hiccups',
  summary: '',
  open: () =>
    rateModel((ns) => {
      const phase = ns % 50e6;
      return phase < 25e6
        ? { bytesPerSecond: 400e6, untilNs: ns - phase + 25e6 }
        : { bytesPerSecond: 1e4, untilNs: ns - phase + 50e6 };
    }),
};

it('inline, linear-scan decides in the simulator what the seed’s state machine decides', () => {
  const seed = new SeedCounter();
  const seen = { throttled: 0, slowFaults: 0, free: 0 };
  simulate({
    ...small({ workload: workload('steady'), sink: HICCUPS, limiter: 'linear-scan', store: 'inline' }),
    onStep({ observation, grant }) {
      const pagesOut = observation.faults + observation.sweptPages;
      // Page by page: that is what makes it exact.
      expect(pagesOut).toBeLessThanOrEqual(1);
      if (pagesOut === 0) return;
      const before = seed.counter;
      seed.pageOut(observation);
      if (seed.counter > before) seen.slowFaults += 1;
      if (seed.isThrottled) seen.throttled += 1;
      else seen.free += 1;
      expect(grant).toMatchObject({
        pages: seed.isThrottled ? Math.min(1, observation.pagesLeft) : observation.pagesLeft,
        notBeforeNs: seed.isThrottled ? observation.nowNs + WAIT_NS : observation.nowNs,
      });
    },
  });
  // The run is worth something only if all of it happens.
  expect(seen.slowFaults).toBeGreaterThan(0);
  expect(seen.throttled).toBeGreaterThan(100);
  expect(seen.free).toBeGreaterThan(100);
});
