import type { Benchmark } from '../benchmark.ts';
import { series } from '../figure.ts';
import type { ResumeFigures } from '../ours.ts';
import { alternate } from '../rounds.ts';
import { sizeText } from '../size-text.ts';
import { throughput } from '../throughput.ts';

const NAME = 'resume';
/** Of what was lost. */
const AGAIN_MAX = 0.01;
const NS_PER_MS = 1e6;
const MIB = 2 ** 20;

/** What a broken connection costs that may come back, and what it costs to be able to. */
export const resume: Benchmark = {
  name: NAME,
  summary:
    'a connection that is cut in the middle: bytes sent again, against bytes lost; and the price without a cut',
  async run({ guestBytes, rounds, ours, progress }) {
    const run = (isSession: boolean, cutAtBytes: number) => () =>
      ours.resume({ bytes: guestBytes, cutAtBytes, isSession });
    const results = await alternate(
      rounds,
      { cut: run(true, guestBytes / 2), session: run(true, 0), plain: run(false, 0) },
      progress,
    );
    return [
      {
        benchmark: NAME,
        subject: `${sizeText(guestBytes)}, cut in the middle`,
        measured: series(
          'sent again beyond that',
          'MiB',
          results.cut.map(({ againBytes }) => againBytes / MIB),
        ),
        peer: series(
          'lost',
          'MiB',
          results.cut.map(({ lostBytes }) => lostBytes / MIB),
        ),
        goal: { kind: 'ratioAtMost', limit: AGAIN_MAX },
      },
      {
        benchmark: NAME,
        subject: `${sizeText(guestBytes)}, not cut`,
        measured: throughput('a connection that may come back', guestBytes, times(results.session)),
        peer: throughput('one that may not', guestBytes, times(results.plain)),
      },
    ];
  },
};

function times(figures: readonly ResumeFigures[]): { ns: number }[] {
  return figures.map(({ streamMs }) => ({ ns: streamMs * NS_PER_MS }));
}
