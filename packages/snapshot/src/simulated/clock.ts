import type { Clock } from '../clock.ts';

/** Time that stands still until it is moved. */
export interface SimulatedClock extends Clock {
  /** Moves time forward by `deltaNs`, waking what is due, in order of time. */
  advance(deltaNs: number): void;
}

export interface SimulatedClockOptions {
  readonly startNs?: number;
  /** Whenever nothing else is left to run, jump to the next time that somebody waits for. */
  readonly autoAdvance?: boolean;
}

interface Timer {
  readonly dueNs: number;
  readonly fire: () => void;
}

const NS_PER_MS = 1_000_000;

export function simulatedClock(options: SimulatedClockOptions = {}): SimulatedClock {
  let nowNs = options.startNs ?? 1_000_000_000;
  const timers: Timer[] = [];
  let jumpPending = false;

  const advanceTo = (targetNs: number) => {
    while (timers.length > 0 && timers[0]!.dueNs <= targetNs) {
      const timer = timers.shift()!;
      nowNs = Math.max(nowNs, timer.dueNs);
      timer.fire();
    }
    nowNs = Math.max(nowNs, targetNs);
  };

  // Promise reactions all run before the next immediate, so an immediate sees a simulation in which everybody waits.
  const planJump = () => {
    if (options.autoAdvance !== true || jumpPending || timers.length === 0) return;
    jumpPending = true;
    setImmediate(() => {
      jumpPending = false;
      const next = timers[0];
      if (next !== undefined) advanceTo(next.dueNs);
      planJump();
    });
  };

  return {
    nowNs: () => nowNs,
    advance: (deltaNs) => advanceTo(nowNs + deltaNs),
    after: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const timer: Timer = {
          dueNs: nowNs + delayMs * NS_PER_MS,
          fire: () => {
            signal?.removeEventListener('abort', cancel);
            resolve();
          },
        };
        const cancel = () => {
          const at = timers.indexOf(timer);
          if (at >= 0) timers.splice(at, 1);
          timer.fire();
        };
        const at = timers.findIndex((other) => other.dueNs > timer.dueNs);
        timers.splice(at < 0 ? timers.length : at, 0, timer);
        signal?.addEventListener('abort', cancel);
        planJump();
      }),
  };
}
