import type { Benchmark, Context } from '../benchmark.ts';
import type { PageKind } from '../peers.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { throughput } from '../throughput.ts';

const NAME = 'sweep';
const RATIO_MIN = 0.8;

/**
 * The engine alone, driven from JavaScript, against memcpy.
 *
 * The goal is set against the copy into a small ring, the fastest that there is, because that is what the engine does; the copy to as much
 * memory again is what a snapshot into memory would do.
 */
export const sweep: Benchmark = {
  name: NAME,
  summary: 'the sweep of an idle guest to a null sink, against memcpy',
  run: async (context) => [
    ...(await compare(context, 'base', '4 KiB pages', true)),
    ...(await compare(context, 'huge', 'huge pages', false)),
  ],
};

async function compare(
  { guestBytes, rounds, ours, peers, progress }: Context,
  kind: PageKind,
  pages: string,
  hasGoal: boolean,
): Promise<Row[]> {
  const results = await alternate(
    rounds,
    {
      engine: () => ours.sweep(guestBytes, kind),
      ring: () => peers.copy(guestBytes, kind, 'ring'),
      whole: () => peers.copy(guestBytes, kind, 'whole'),
      release: () => peers.copy(guestBytes, kind, 'release'),
    },
    (text) => progress(`${pages}, ${text}`),
  );
  const measured = throughput('engine', guestBytes, results.engine);
  const against = (name: string, times: readonly { ns: number }[]): Row => ({
    benchmark: NAME,
    subject: `${sizeText(guestBytes)}, ${pages}`,
    measured,
    peer: throughput(name, guestBytes, times),
  });
  const ring = against('memcpy to a ring', results.ring);
  return [
    hasGoal ? { ...ring, goal: { kind: 'ratioAtLeast', limit: RATIO_MIN } } : ring,
    against('memcpy to as much', results.whole),
    against('memcpy to a ring + un-protect', results.release),
  ];
}
