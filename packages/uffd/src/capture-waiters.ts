/** Those who wait for something of a capture to be ready. */
export class CaptureWaiters {
  readonly #waiters = new Set<() => void>();

  /** Lets all of them look again. */
  wake(): void {
    for (const resolve of this.#waiters) resolve();
  }

  /**
   * Until `wake`, `untilNs` (CLOCK_MONOTONIC) or the abort of `signal`. `keepAlive` is told whether anybody waits, and so whether the event
   * loop has something to wait for.
   */
  async wait(
    { untilNs, signal }: { untilNs?: number; signal?: AbortSignal },
    keepAlive: (isWanted: boolean) => void,
  ): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        this.#waiters.delete(done);
        if (this.#waiters.size === 0) keepAlive(false);
        resolve();
      };
      const timer = untilNs === undefined ? undefined : setTimeout(done, millisecondsUntil(untilNs));
      signal?.addEventListener('abort', done);
      this.#waiters.add(done);
      keepAlive(true);
    });
  }
}

function millisecondsUntil(untilNs: number): number {
  return Math.max(0, Math.ceil((untilNs - Number(process.hrtime.bigint())) / 1e6));
}
