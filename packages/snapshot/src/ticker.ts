import type { Clock } from './clock.ts';

/**
 * Calls `tick` every `intervalMs` until stopped. It also keeps the process alive: the native threads of a capture do not.
 */
export function startTicker(clock: Clock, intervalMs: number, tick: () => void): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const run = async () => {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- a tick begins when the last one is over
      await clock.after(intervalMs, stopping.signal);
      if (stopping.signal.aborted) return;
      tick();
    }
  };
  const running = run();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}
