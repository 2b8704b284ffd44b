/** Time, injected: everything here that asks what time it is, or waits for a time, asks one of these. */
export interface Clock {
  /** Nanoseconds on the time line of `CaptureStats` (CLOCK_MONOTONIC for real guests). */
  nowNs(): number;
  /** Resolves after `delayMs`; at once, also by resolving, when `signal` aborts. Keeps the process alive while it waits. */
  after(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** The real clock; the only place in this package that reads it. */
export const monotonicClock: Clock = {
  // A double holds whole nanoseconds exactly for 104 days of uptime, and to 2 ns for the next 104.
  nowNs: () => Number(process.hrtime.bigint()),
  after: (delayMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      signal?.addEventListener('abort', done);
    }),
};
