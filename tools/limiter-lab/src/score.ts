import { waitQuantilesNs } from '@stillframe/snapshot';
import type { Scores } from './metric.ts';
import type { RunResult } from './run-result.ts';

const MIB = 2 ** 20;

export function scoresOf(run: RunResult): Scores {
  const { counts, longestNs, sumNs } = run.writes;
  const [p99Ns = 0] = waitQuantilesNs(counts, [0.99]);
  return {
    longestMs: longestNs / 1e6,
    p99Us: p99Ns / 1e3,
    totalMs: run.totalNs / 1e6,
    heldMiB: run.heldBytesMax / MIB,
    stallMs: sumNs / 1e6,
  };
}
