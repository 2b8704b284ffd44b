import { type Benchmark, type Context, MIB } from '../benchmark.ts';
import { series, type Statistic, type Unit } from '../figure.ts';
import { STEADY_LOAD, type Writes } from '../load.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { DEFAULT_CAPTURE } from '../stream-request.ts';
import { quantileUs } from '../waits.ts';

const NAME = 'fork';

interface Measured {
  readonly writes: Writes;
  readonly pauseMs: number;
  readonly totalMs: number;
  readonly extraBytes: number;
}

/** The alternative: fork(), whose child writes its memory out. There is no goal; it is here to choose by. */
export const fork: Benchmark = {
  name: NAME,
  summary: 'a snapshot into a tmpfs file with writers going on, beside one by fork()',
  async run(context) {
    const { guestBytes, rounds, peers, progress, withFile } = context;
    const results = await alternate<'ours' | 'fork', Measured>(
      rounds,
      {
        ours: () => withFile((path) => takeOne(context, path)),
        fork: () => withFile((path) => peers.fork(guestBytes, STEADY_LOAD, path)),
      },
      progress,
    );
    const row = (what: string, unit: Unit, of: (run: Measured) => number, statistic?: Statistic): Row => ({
      benchmark: NAME,
      subject: `${sizeText(guestBytes)} to a fresh tmpfs file, ${what}`,
      measured: series('ours', unit, results.ours.map(of), statistic),
      peer: series('fork()', unit, results.fork.map(of), statistic),
    });
    return [
      row('pause', 'ms', ({ pauseMs }) => pauseMs),
      row('longest write', 'ms', ({ writes }) => writes.longestNs / 1e6, 'worst'),
      row('p99 of all writes', 'µs', ({ writes }) => quantileUs(writes, 0.99)),
      row('extra memory', 'MiB', ({ extraBytes }) => extraBytes / MIB, 'worst'),
      row('total time', 'ms', ({ totalMs }) => totalMs),
    ];
  },
};

async function takeOne({ guestBytes, ours }: Context, path: string): Promise<Measured> {
  const figures = await ours.snapshot({
    bytes: guestBytes,
    sink: { kind: 'fresh', path },
    limiter: 'none',
    load: STEADY_LOAD,
    ...DEFAULT_CAPTURE,
  });
  return { ...figures, extraBytes: figures.growthBytes };
}
