/* oxlint-disable no-await-in-loop -- a writer does one write after the other */
import type { Clock } from '../clock.ts';
import type { SimulatedGuest } from './guest.ts';

export interface WritersOptions {
  readonly guest: SimulatedGuest;
  readonly clock: Clock;
  readonly writerCount: number;
  readonly writesEach: number;
  /** Between two writes of one writer. */
  readonly intervalNs: number;
  /** The same seed gives the same pages and values in the same order. */
  readonly seed: number;
}

export interface WritersReport {
  readonly writes: number;
  readonly longestWaitNs: number;
}

const NS_PER_MS = 1_000_000;

/** Starts writers that write counting numbers to pages drawn at random; resolves when all of them are done. */
export async function runWriters(options: WritersOptions): Promise<WritersReport> {
  const { guest, clock, writerCount, writesEach, intervalNs } = options;
  const random = seededRandom(options.seed);
  let sequence = 0;
  let longestWaitNs = 0;
  const writer = async () => {
    for (let write = 0; write < writesEach; write++) {
      const region = guest.regions[Math.floor(random() * guest.regions.length)]!;
      const page = Math.floor(random() * (region.sizeBytes / region.pageSize));
      const startNs = clock.nowNs();
      await guest.write(region.id, page, new Uint8Array(new Uint32Array([++sequence]).buffer));
      longestWaitNs = Math.max(longestWaitNs, clock.nowNs() - startNs);
      await clock.after(intervalNs / NS_PER_MS);
    }
  };
  await Promise.all(Array.from({ length: writerCount }, writer));
  return { writes: sequence, longestWaitNs };
}

/** Numbers from 0 to 1 by a linear congruential generator (the constants of Numerical Recipes), good enough to pick pages. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
