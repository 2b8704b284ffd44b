import type { Benchmark, Context } from '../benchmark.ts';
import { type Series, series } from '../figure.ts';
import { STEADY_LOAD } from '../load.ts';
import type { SnapshotFigures, SnapshotRequest } from '../ours.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { DEFAULT_CAPTURE } from '../stream-request.ts';

const NAME = 'stalling-sink';
const LONGEST_MAX_MS = 20;
const STALLS = 3;
/** Of a stall. A page-by-page snapshot whose writers did not feel the sink shows that the sink did not stall. */
const FELT_MIN_SHARE = 1 / 2;

type Contestant = 'store' | 'inline' | 'inlineLimited';

/** What a sink that stands still does to writers: with the store, and in the seed's way, page by page. */
export const stallingSink: Benchmark = {
  name: NAME,
  summary: 'the longest write while the sink stalls for 1 s at a time, against the page-by-page mode',
  async run(context) {
    const { smallGuestBytes, stallMs, longRounds, progress } = context;
    const inline = { preImagesMaxBytes: 0, overflow: 'stall' } as const;
    const results = await alternate<Contestant, SnapshotFigures>(
      longRounds,
      {
        store: () => takeOne(context, DEFAULT_CAPTURE, 'none'),
        inline: () => takeOne(context, inline, 'none'),
        inlineLimited: () => takeOne(context, inline, 'linear-scan'),
      },
      progress,
    );
    const subject = `${sizeText(smallGuestBytes)}, ${STALLS} stalls of ${stallMs / 1000} s: longest write`;
    const row = (peer: Series): Row => ({
      benchmark: NAME,
      subject,
      measured: longest('default options', results.store),
      peer,
      goal: { kind: 'atMost', limit: LONGEST_MAX_MS },
      ...(peer.samples.some((ms) => ms < stallMs * FELT_MIN_SHARE)
        ? { voidBecause: 'the writers of the page-by-page mode did not feel the sink' }
        : {}),
    });
    return [
      row(longest('page by page, linear-scan', results.inlineLimited)),
      row(longest('page by page, no limiter', results.inline)),
    ];
  },
};

function takeOne(
  { smallGuestBytes, stallMs, ours }: Context,
  capture: Pick<SnapshotRequest, 'preImagesMaxBytes' | 'overflow'>,
  limiter: string,
): Promise<SnapshotFigures> {
  return ours.snapshot({
    bytes: smallGuestBytes,
    sink: { kind: 'stalling', stalls: STALLS, stallMs },
    limiter,
    load: STEADY_LOAD,
    ...capture,
  });
}

function longest(name: string, runs: readonly SnapshotFigures[]): Series {
  return series(
    name,
    'ms',
    runs.map(({ writes }) => writes.longestNs / 1e6),
    'worst',
  );
}
