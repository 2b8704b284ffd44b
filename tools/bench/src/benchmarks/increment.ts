import { rm } from 'node:fs/promises';
import type { Benchmark, Context } from '../benchmark.ts';
import { type Series, series } from '../figure.ts';
import type { IncrementFigures } from '../ours.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';

const NAME = 'increment';
const CHANGED_SHARE = 0.01;
/** Of the full image, in time and in bytes. */
const RATIO_MAX = 0.05;
const MIB = 2 ** 20;

/** What an increment costs, against the full image that it builds on. */
export const increment: Benchmark = {
  name: NAME,
  summary: '1 % of the pages have changed: time and bytes of the increment against the full image',
  run: async (context) => [
    ...rows(context, 'noted by the guest', await measure(context, true), true),
    ...rows(context, 'found by comparing', await measure(context, false), false),
  ],
};

async function measure(context: Context, isNoted: boolean): Promise<IncrementFigures[]> {
  const { guestBytes, rounds, ours, progress, withFile } = context;
  const figures: IncrementFigures[] = [];
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}: ${isNoted ? 'noted' : 'compared'}`);
    // oxlint-disable-next-line no-await-in-loop -- one at a time
    const figure = await withFile(async (path) => {
      try {
        return await ours.increment({ bytes: guestBytes, changedShare: CHANGED_SHARE, path, isNoted });
      } finally {
        await Promise.all([1, 2, 3, 4].map((number) => rm(`${path}.${number}`, { force: true })));
      }
    });
    figures.push(figure);
  }
  return figures;
}

function rows(
  { guestBytes }: Context,
  how: string,
  figures: readonly IncrementFigures[],
  isGoal: boolean,
): Row[] {
  const of = (name: string, unit: Series['unit'], each: (figure: IncrementFigures) => number) =>
    series(name, unit, figures.map(each));
  const subject = `${sizeText(guestBytes)}, 1 % changed, ${how}`;
  const bytes: Row = {
    benchmark: NAME,
    subject: `${subject}: size`,
    measured: of('increment', 'MiB', ({ incrementBytes }) => incrementBytes / MIB),
    peer: of('full image', 'MiB', ({ fullBytes }) => fullBytes / MIB),
    goal: { kind: 'ratioAtMost', limit: RATIO_MAX },
  };
  const time: Row = {
    benchmark: NAME,
    subject: `${subject}: time`,
    measured: of('increment', 'ms', ({ incrementMs }) => incrementMs),
    peer: of('full image', 'ms', ({ fullMs }) => fullMs),
  };
  if (!isGoal) return [time, bytes];
  // Code that runs for the first time is not compiled yet: once for each process, so no goal is set for it.
  const first: Row = {
    benchmark: NAME,
    subject: `${subject}: time of the first in its process`,
    measured: of('increment', 'ms', ({ firstIncrementMs }) => firstIncrementMs),
    peer: of('full image', 'ms', ({ fullMs }) => fullMs),
  };
  return [{ ...time, goal: { kind: 'ratioAtMost', limit: RATIO_MAX } }, first, bytes];
}
