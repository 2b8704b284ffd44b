import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { Alarm } from '../src/alarm.ts';
import type { Clock } from '../src/index.ts';
import { simulatedClock } from '../src/simulated/index.ts';

const NS_PER_MS = 1_000_000;

function counting() {
  const clock = simulatedClock();
  let timers = 0;
  const signals = new Set<AbortSignal>();
  const counted: Clock = {
    nowNs: () => clock.nowNs(),
    after: (delayMs, signal) => {
      timers += 1;
      if (signal !== undefined) signals.add(signal);
      return clock.after(delayMs, signal);
    },
  };
  const alarm = new Alarm(counted);
  const rung: number[] = [];
  const wait = (ms: number) =>
    alarm.rings(clock.nowNs() + ms * NS_PER_MS).then(() => rung.push(clock.nowNs() / NS_PER_MS - 1000));
  return { clock, alarm, rung, wait, timers: () => timers, signals };
}

it('many waits are one timer', async () => {
  const { clock, wait, timers, rung } = counting();
  const waits = [100, 100, 150, 200].map(wait);
  expect(timers()).toBe(1);
  clock.advance(100 * NS_PER_MS);
  await Promise.all(waits);
  expect(rung).toEqual([100, 100, 100, 100]);
});

it('an earlier wait is not late', async () => {
  const { clock, wait, rung } = counting();
  const waits = [wait(100), wait(5)];
  clock.advance(5 * NS_PER_MS);
  await waits[1];
  expect(rung).toEqual([5]);
  clock.advance(95 * NS_PER_MS);
  await waits[0];
  expect(rung).toEqual([5, 100]);
});

it('after it has rung it rings again', async () => {
  const { clock, wait, rung } = counting();
  for (const _ of [1, 2]) {
    const waiting = wait(10);
    clock.advance(10 * NS_PER_MS);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await waiting;
  }
  expect(rung).toEqual([10, 20]);
});

it('stopping ends every wait and leaves no listener', async () => {
  const { alarm, wait, rung, signals } = counting();
  const waiting = wait(1000);
  alarm.stop();
  await waiting;
  expect(rung).toEqual([0]);
  for (const signal of signals) expect(getEventListeners(signal, 'abort')).toEqual([]);
});
