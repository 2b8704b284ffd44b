import type { Clock } from '@stillframe/snapshot';
import { expect, it } from 'vitest';
import { DowntimeWatch } from '../src/source/downtime.ts';

const NS_PER_MS = 1_000_000;

/** Asked to pause at 100 ms, paused at 130 ms, running elsewhere at 200 ms. */
function downtimeOf(restingMs?: number) {
  let nowMs = 100;
  const clock: Pick<Clock, 'nowNs'> = { nowNs: () => nowMs * NS_PER_MS };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it asks for the time only
  const watch = new DowntimeWatch(clock as Clock);
  watch.mark('pause');
  nowMs = 130;
  watch.paused(restingMs);
  nowMs = 200;
  watch.started(0);
  const { totalMs, pauseMs } = watch.numbers();
  return { totalMs, pauseMs };
}

it.each([
  ['from the call of pause where the guest does not know better', undefined, 100, 30],
  ['from when the guest came to rest, by its own account', 10, 80, 10],
  ['from the call of pause for a guest that was at rest before', 31, 100, 30],
  ['from the call of pause where the guest has no clock', Number.NaN, 100, 30],
  ['never from later than the end of pause', -1, 70, 0],
])('counts %s', (_what, restingMs, totalMs, pauseMs) => {
  expect(downtimeOf(restingMs)).toEqual({ totalMs, pauseMs });
});
