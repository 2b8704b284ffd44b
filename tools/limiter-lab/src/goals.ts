import { BASE_ID } from './base-line.ts';
import { byScenario, type Scored } from './rank.ts';

/** What a default policy has to reach, worst scenario of each kind counting. NaN: not measured, so not reached. */
export interface GoalVerdict {
  readonly contestant: string;
  /** Longest stall under a stalling sink, as a share of the base line's. Goal: 1/50 at most. */
  readonly longestShare: number;
  /** p99 under a slow sink, as a share of the base line's. Goal: 1/3 at most. */
  readonly p99Share: number;
  /** Total time as a multiple of what `none` takes with the same store, over all sinks. Goal: 1.1 at most. */
  readonly totalRatio: number;
  readonly reached: boolean;
}

export const GOALS = { longestShare: 1 / 50, p99Share: 1 / 3, totalRatio: 1.1 } as const;

interface Located extends Scored {
  readonly sink: string;
}

export function judge(cells: readonly Located[]): GoalVerdict[] {
  const verdicts = new Map<string, { longestShare: number; p99Share: number; totalRatio: number }>();
  for (const group of byScenario(cells).values()) {
    const base = group.find(({ contestant }) => contestant === BASE_ID)?.scores;
    const none = group.find(({ contestant }) => contestant === 'none')?.scores;
    for (const { contestant, scores, sink } of group) {
      const own = verdicts.get(contestant) ?? {
        longestShare: Number.NaN,
        p99Share: Number.NaN,
        totalRatio: Number.NaN,
      };
      verdicts.set(contestant, own);
      if (base !== undefined && sink === 'stalling') {
        own.longestShare = worse(own.longestShare, scores.longestMs / base.longestMs);
      }
      if (base !== undefined && sink === 'slow') {
        own.p99Share = worse(own.p99Share, scores.p99Us / base.p99Us);
      }
      if (none !== undefined) own.totalRatio = worse(own.totalRatio, scores.totalMs / none.totalMs);
    }
  }
  return [...verdicts].map(([contestant, own]) => verdict(contestant, own));
}

function verdict(contestant: string, own: Pick<GoalVerdict, keyof typeof GOALS>): GoalVerdict {
  const reached =
    own.longestShare <= GOALS.longestShare &&
    own.p99Share <= GOALS.p99Share &&
    own.totalRatio <= GOALS.totalRatio;
  return { contestant, ...own, reached };
}

function worse(known: number, value: number): number {
  return Number.isNaN(known) ? value : Math.max(known, value);
}
