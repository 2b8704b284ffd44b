import type { Benchmark, Context } from '../benchmark.ts';
import { series } from '../figure.ts';
import { STEADY_LOAD, type Writes } from '../load.ts';
import type { SnapshotFigures } from '../ours.ts';
import { alternate } from '../rounds.ts';
import type { Goal, Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { DEFAULT_CAPTURE } from '../stream-request.ts';
import { quantileUs, waitedPercent, waitedQuantileUs } from '../waits.ts';

const NAME = 'stalls';
const RATIO_MAX = 2;
/** A small guest is pictured sooner than the handler's writers get a processor on a busy machine: then there would be nothing to compare with. */
const HANDLER_LEAST_MS = 100;

interface Measured {
  readonly writes: Writes;
}

/** What single writes suffer while a snapshot goes to a sink that takes everything at once, against a bare handler. */
export const stalls: Benchmark = {
  name: NAME,
  summary: 'how long writes take during a snapshot with a fast sink, against a bare C fault handler',
  async run(context) {
    const { guestBytes, rounds, peers, progress } = context;
    // The bare handler has no end of its own: it serves faults for as long as our snapshot takes here.
    progress('how long our snapshot takes');
    const durationMs = Math.max((await takeOne(context)).streamMs, HANDLER_LEAST_MS);
    const results = await alternate<'ours' | 'handler' | 'sweeping', Measured>(
      rounds,
      {
        ours: () => takeOne(context),
        handler: () => peers.handleFaults(guestBytes, STEADY_LOAD, { durationMs, sweeps: false }),
        sweeping: () => peers.handleFaults(guestBytes, STEADY_LOAD, { durationMs, sweeps: true }),
      },
      progress,
    );
    return rowsOf(sizeText(guestBytes), results);
  },
};

function takeOne({ guestBytes, ours }: Context): Promise<SnapshotFigures> {
  return ours.snapshot({
    bytes: guestBytes,
    sink: { kind: 'null' },
    limiter: 'none',
    load: STEADY_LOAD,
    ...DEFAULT_CAPTURE,
  });
}

const p50 = (writes: Writes): number => quantileUs(writes, 0.5);
const p99 = (writes: Writes): number => quantileUs(writes, 0.99);
const longest = (writes: Writes): number => writes.longestNs / 1000;

function rowsOf(size: string, results: Record<'ours' | 'handler' | 'sweeping', Measured[]>): Row[] {
  const row = (
    what: string,
    of: (writes: Writes) => number,
    peer: 'handler' | 'sweeping',
    goal?: Goal,
  ): Row => ({
    benchmark: NAME,
    subject: `${size}, ${what}`,
    measured: series(
      'ours',
      'µs',
      results.ours.map(({ writes }) => of(writes)),
    ),
    peer: series(
      peer === 'handler' ? 'bare handler' : 'bare handler + sweep',
      'µs',
      results[peer].map(({ writes }) => of(writes)),
    ),
    ...(goal === undefined ? {} : { goal }),
    note: `${percent(results.ours)} of our writes had to wait, ${percent(results[peer])} of the peer's`,
  });
  return [
    row('p99 of all writes', p99, 'handler', { kind: 'ratioAtMost', limit: RATIO_MAX }),
    row('p50 of all writes', p50, 'handler'),
    row('longest write', longest, 'handler'),
    row('p50 of the writes that waited', (writes) => waitedQuantileUs(writes, 0.5), 'handler'),
    row('p99 of the writes that waited', (writes) => waitedQuantileUs(writes, 0.99), 'handler'),
    row('p99 of all writes', p99, 'sweeping'),
    row('longest write', longest, 'sweeping'),
  ];
}

function percent(runs: readonly Measured[]): string {
  const sum = runs.reduce((total, { writes }) => total + waitedPercent(writes), 0);
  return `${Math.round(sum / runs.length)} %`;
}
