/* oxlint-disable no-await-in-loop -- one measurement at a time */
import type { Benchmark, Context } from '../benchmark.ts';
import { series } from '../figure.ts';
import type { TrackFigures } from '../ours.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';

const NAME = 'track';
const RATIO_MAX = 1.5;
const NS_PER_MS = 1e6;
const NS_PER_US = 1e3;

const CASES = [
  { every: 0, name: 'nothing written' },
  { every: 100, name: '1 % of the pages written' },
  { every: 5, name: '20 % of the pages written, none beside another' },
  { every: 1, name: 'all pages written' },
] as const;

/** `DirtyTracker.collect()` against the ioctls that it is made of; and what a first write costs its writer. */
export const track: Benchmark = {
  name: NAME,
  summary: 'finding the written pages against bare PAGEMAP_SCAN; what a first write costs',
  async run(context) {
    const rows: Row[] = [];
    for (const each of CASES) rows.push(await collecting(context, each));
    rows.push(await writing(context));
    return rows;
  },
};

async function collecting(
  { guestBytes, rounds, ours, peers, progress }: Context,
  { every, name }: (typeof CASES)[number],
): Promise<Row> {
  const { tracker, bare } = await alternate(
    rounds,
    {
      tracker: () => ours.track({ bytes: guestBytes, every, tracking: 'async' }),
      bare: () => peers.track(guestBytes, every),
    },
    (text) => progress(`${name}, ${text}`),
  );
  for (const [at, { pages }] of tracker.entries()) {
    if (pages !== bare[at]!.pages)
      throw new Error(`${pages} pages were found, and ${bare[at]!.pages} by the peer`);
  }
  return {
    benchmark: NAME,
    subject: `${sizeText(guestBytes)}, ${name}`,
    measured: series('collect()', 'ms', milliseconds(tracker)),
    peer: series('bare ioctls', 'ms', milliseconds(bare)),
    goal: { kind: 'ratioAtMost', limit: RATIO_MAX },
  };
}

/** Of a page that is protected: noted by the kernel, or by our thread while the writer waits. */
async function writing({ guestBytes, rounds, ours, peers, progress }: Context): Promise<Row> {
  const every = 5;
  const { sync, bare } = await alternate(
    rounds,
    {
      sync: () => ours.track({ bytes: guestBytes, every, tracking: 'sync' }),
      bare: () => peers.track(guestBytes, every),
    },
    (text) => progress(`first writes, ${text}`),
  );
  return {
    benchmark: NAME,
    subject: 'the first write to a page, kind: sync against kind: async in C',
    measured: series('sync', 'µs', microsecondsEach(sync)),
    peer: series('async', 'µs', microsecondsEach(bare)),
  };
}

function milliseconds(figures: readonly TrackFigures[]): number[] {
  return figures.map(({ ns }) => ns / NS_PER_MS);
}

function microsecondsEach(figures: readonly TrackFigures[]): number[] {
  return figures.map(({ writeNs, pages }) => writeNs / pages / NS_PER_US);
}
