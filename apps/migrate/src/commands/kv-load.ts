import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../cli.ts';
import { exitCodes } from '../exit-code.ts';
import { type ClientLoadResult, runClientLoad } from '../kv-service/client-load.ts';
import { parseEndpoint } from '../options/endpoint.ts';
import { showCount, showMs } from '../report/units.ts';

interface KvLoadFlags {
  readonly to?: string;
  readonly clients: string;
  readonly rate: string;
  readonly keys: string;
  readonly seconds: string;
  readonly json?: boolean;
}

/** `migrate kv-load`: clients of a kv server that prove that nothing which was acknowledged is lost or doubled. */
export function addKvLoad(root: Command, context: CliContext): void {
  root
    .command('kv-load')
    .description(
      'clients of a served kv workload: follow it when it moves, prove that no acknowledged write is lost or doubled',
    )
    .option('--to <HOST:PORT,…>', 'where the store is served, and where it may move to')
    .option('--clients <N>', 'clients, each with one request under way', '8')
    .option('--rate <N>', 'operations per second of all clients; 0 is full speed', '2000')
    .option('--keys <N>', 'keys of each client', '1000')
    .option('--seconds <S>', 'how long; Ctrl-C ends it earlier, and checks all the same', '10')
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
Exit code 0 when every acknowledged write is there once, 15 when one is lost or doubled, 11 when nobody answers.

Examples:
  migrate source --to 127.0.0.1:7000 --workload kv --serve 127.0.0.1:6400 --mode precopy
  migrate kv-load --to 127.0.0.1:6400,127.0.0.1:6500 --seconds 30
  redis-cli -p 6400 set greeting hello          the server speaks RESP: GET SET DEL INCR INCRBY DBSIZE PING
`,
    )
    .action((flags: KvLoadFlags) => kvLoad(flags, context));
}

async function kvLoad(flags: KvLoadFlags, context: CliContext): Promise<void> {
  if (flags.to === undefined) {
    throw new CliError('USAGE', 'which server? --to HOST:PORT is missing', {
      hint: 'For example --to 127.0.0.1:6400,127.0.0.1:6500: where it is, and where it may move to.',
    });
  }
  const report = context.report(flags.json === true);
  const result = await runClientLoad({
    endpoints: flags.to.split(',').map((each) => parseEndpoint(each, '--to')),
    clients: wholeNumber('--clients', flags.clients, 1, CLIENTS_MAX),
    ratePerSecond: wholeNumber('--rate', flags.rate, 0, RATE_MAX),
    keys: wholeNumber('--keys', flags.keys, 1, KEYS_MAX),
    seconds: wholeNumber('--seconds', flags.seconds, 1, SECONDS_MAX),
    signal: context.signal,
    onProgress: (acknowledged, longestGapMs) =>
      report.event({ type: 'progress', acknowledged, longestGapMs }),
  });
  const isRight = result.lost === 0 && result.doubled === 0;
  report.result(resultText(result), {
    type: 'summary',
    outcome: isRight ? 'done' : 'refused',
    ...result,
    verified: isRight,
  });
  if (!isRight) context.setExitCode(exitCodes.refused);
}

const CLIENTS_MAX = 1000;
const RATE_MAX = 1_000_000;
const KEYS_MAX = 1_000_000;
const SECONDS_MAX = 86_400;

function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new CliError(
    'USAGE',
    `${flag} takes a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`,
    {
      hint: 'See `migrate kv-load --help`.',
    },
  );
}

function resultText(result: ClientLoadResult): string {
  const { acknowledged, durationMs, latencyUs, lost, doubled } = result;
  const perSecond = showCount(Math.round(acknowledged / (durationMs / 1000)));
  return [
    `  acknowledged  ${showCount(acknowledged)} in ${showMs(durationMs)}, ${perSecond} per second`,
    `  latency       p50 ${showUs(latencyUs.p50)}, p99 ${showUs(latencyUs.p99)}, longest ${showUs(latencyUs.max)}`,
    `  longest gap   ${showMs(result.longestGapMs)}, ${showMs(result.longestGapAtMs)} after the start`,
    `  connections   ${showCount(result.connections)}, ${showCount(result.moved)} times told where the store moved to`,
    lost === 0 && doubled === 0
      ? '  checked       every acknowledged write is there, once'
      : `  WRONG         ${showCount(lost)} lost, ${showCount(doubled)} doubled: ${result.firstWrong}`,
  ].join('\n');
}

function showUs(us: number): string {
  return showMs(us / 1000);
}
