import type { Clock } from '@stillframe/snapshot';

/** Calls `onTick` every `intervalMs` until it is stopped. */
export function startTicker(clock: Clock, intervalMs: number, onTick: () => void): { stop(): void } {
  const over = new AbortController();
  const ticking = async () => {
    while (!over.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- a clock
      await clock.after(intervalMs, over.signal);
      if (!over.signal.aborted) onTick();
    }
  };
  void ticking();
  return { stop: () => over.abort('over') };
}
