import type { Decision, ReplayModel, ReplayPoint } from '../report/model.ts';

interface Said {
  readonly policy: string;
  /** Share of the time in which the sweep may go on. */
  readonly allowedShare: number;
  /** Share of the decisions that hold the sweep back where the recorded one did not, or the other way round. */
  readonly differsShare: number;
}

/** What each policy says to the recorded observations, in numbers. */
export function summarize({ limiter, points, others }: ReplayModel): Said[] {
  const recorded = points.map(({ grant }) => grant);
  return [{ policy: `${limiter} (recorded)`, decisions: recorded }, ...others].map(
    ({ policy, decisions }) => ({
      policy,
      allowedShare: allowedShare(decisions, points),
      differsShare:
        decisions.filter((own, index) => isHeld(own) !== isHeld(recorded[index]!)).length / decisions.length,
    }),
  );
}

export function replayLines(model: ReplayModel): string[] {
  return summarize(model).map((said) => JSON.stringify({ type: 'replay', loop: 'open', ...said }));
}

export function replayText(model: ReplayModel): string {
  const rows = summarize(model).map(
    ({ policy, allowedShare: allowed, differsShare }) =>
      `${policy.padEnd(34)} sweep allowed ${percent(allowed)} of the time, differs in ${percent(differsShare)} of the decisions`,
  );
  const note =
    'Open loop: what each policy says to the observations of this run, not what would have happened.';
  return [`${model.name}: ${model.points.length} decisions shown`, note, ...rows].join('\n');
}

function allowedShare(decisions: readonly Decision[], points: readonly ReplayPoint[]): number {
  let allowedMs = 0;
  for (const [index, { pages, waitMs }] of decisions.entries()) {
    const untilMs = (points[index + 1]?.atMs ?? points[index]!.atMs) - points[index]!.atMs;
    if (pages > 0) allowedMs += Math.max(0, untilMs - waitMs);
  }
  const wholeMs = points.at(-1)!.atMs;
  return wholeMs > 0 ? allowedMs / wholeMs : 1;
}

function isHeld({ pages, waitMs }: Decision): boolean {
  return pages === 0 || waitMs > 0;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0).padStart(3)} %`;
}
