import { MIB } from '../benchmark.ts';
import { type Series, series, type Statistic, type Unit } from '../figure.ts';
import type { Felt } from '../redis/load.ts';
import type { Goal, Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { DEFAULT_CAPTURE } from '../stream-request.ts';
import { quantileUs } from '../waits.ts';
import type { CoreFigures } from './ours.ts';
import type { SaveFigures } from './peers.ts';

/** What each contender did and what the clients felt of it, round by round. */
export interface ProcessResults {
  readonly ours: readonly Felt<CoreFigures>[];
  readonly gcore: readonly Felt<{ totalMs: number }>[];
  /** Without a load. */
  readonly oursCalm: readonly Felt<CoreFigures>[];
  readonly gcoreCalm: readonly Felt<{ totalMs: number }>[];
  readonly save: readonly Felt<SaveFigures>[];
  readonly nothing: readonly Felt<unknown>[];
}

/** For 1 GiB; less memory favours gcore, whose pause is the copy. */
const GCORE_PAUSE_SHARE = 1 / 20;
/** Beyond the store: V8's heap, tables of pages and slabs, buffers of the file. */
const EXTRA_MAX_BYTES = 64 * MIB;

const atMost = (limit: number): Goal => ({ kind: 'ratioAtMost', limit });

export function processRows(benchmark: string, bytes: number, results: ProcessResults): Row[] {
  const { ours, gcore, oursCalm, gcoreCalm, save, nothing } = results;
  const note = failuresText([...ours, ...oursCalm]);
  const row = (what: string, measured: Series, peer: Series, goal?: Goal): Row => ({
    benchmark,
    ...(note === undefined || goal === undefined ? {} : { note }),
    subject: `redis-server with ${sizeText(bytes)} of values, ${what}`,
    measured,
    peer,
    ...(goal === undefined ? {} : { goal }),
  });
  const pause = of('migrate core', 'ms', ours, ({ result }) => result.pauseMs);
  // A client that asks one thing after the other waits for all of it: redis-server has one thread for that.
  const gcorePause = of('gcore', 'ms', gcore, longestMs);
  const fork = of('BGSAVE’s fork', 'ms', save, ({ result }) => result.forkMs);
  const both = of('migrate core', 'ms', ours, ({ result }) => result.pauseMs + result.attachPauseMs);
  const growth = of('growth', 'MiB', ours, ({ result }) => result.growthBytes / MIB, 'worst');
  const resident = of('migrate core', 'MiB', ours, ({ result }) => result.residentBytes / MIB, 'worst');
  const copied = of('copied for BGSAVE', 'MiB', save, ({ result }) => result.copiedBytes / MIB, 'worst');
  const boundBytes = DEFAULT_CAPTURE.preImagesMaxBytes + EXTRA_MAX_BYTES;
  return [
    row('pause', pause, gcorePause, atMost(GCORE_PAUSE_SHARE)),
    row('pause', pause, fork, atMost(1)),
    row('both pauses', both, fork),
    row('longest request', longest('migrate core', ours), longest('gcore', gcore)),
    row('longest request', longest('migrate core', ours), longest('BGSAVE', save)),
    row('longest request', longest('migrate core', ours), longest('nothing', nothing)),
    row('p99 of the requests meanwhile', p99('migrate core', ours), p99('BGSAVE', save)),
    row('p99 of the requests meanwhile', p99('migrate core', ours), p99('nothing', nothing)),
    row('commands meanwhile', rate('migrate core', ours), rate('gcore', gcore)),
    row('commands meanwhile', rate('migrate core', ours), rate('BGSAVE', save)),
    row('commands meanwhile', rate('migrate core', ours), rate('nothing', nothing)),
    row('memory', growth, series('maxBytes + 64 MiB', 'MiB', [boundBytes / MIB]), atMost(1)),
    row('memory', resident, copied),
    // While gcore works, redis-server stands still and leaves the cores to it.
    row('total time', total('migrate core', ours), total('gcore', gcore), atMost(1)),
    row('total time', total('migrate core', ours), total('BGSAVE', save)),
    row('total time without a load', total('migrate core', oursCalm), total('gcore', gcoreCalm), atMost(1)),
    row(
      'pause without a load',
      of('migrate core', 'ms', oursCalm, ({ result }) => result.pauseMs),
      of('gcore', 'ms', gcoreCalm, longestMs),
    ),
  ];
}

function failuresText(ours: readonly Felt<CoreFigures>[]): string | undefined {
  const count = ours.reduce((sum, { result }) => sum + result.failures, 0);
  if (count === 0) return undefined;
  return `${count} more failed, because redis-server gave memory back meanwhile; they are not in the figures`;
}

function of<T>(
  name: string,
  unit: Unit,
  runs: readonly Felt<T>[],
  figure: (felt: Felt<T>) => number,
  statistic?: Statistic,
): Series {
  return series(name, unit, runs.map(figure), statistic);
}

const longestMs = ({ requests }: Felt<unknown>): number => requests.longestNs / 1e6;

const longest = (name: string, runs: readonly Felt<unknown>[]): Series =>
  of(name, 'ms', runs, longestMs, 'worst');

const p99 = (name: string, runs: readonly Felt<unknown>[]): Series =>
  of(name, 'µs', runs, ({ requests }) => quantileUs(requests, 0.99));

const rate = (name: string, runs: readonly Felt<unknown>[]): Series =>
  of(name, 'k/s', runs, ({ commandsPerSecond }) => commandsPerSecond / 1000);

const total = (name: string, runs: readonly Felt<{ totalMs: number }>[]): Series =>
  of(name, 'ms', runs, ({ result }) => result.totalMs);
