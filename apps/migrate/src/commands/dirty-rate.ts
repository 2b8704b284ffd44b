import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../cli.ts';
import { type Convergence, predictConvergence } from '../dirty-rate/convergence.ts';
import { type GuestDirt, processDirt, workloadDirt } from '../dirty-rate/guest-dirt.ts';
import { measureDirt, type Measurement } from '../dirty-rate/measure.ts';
import { SAMPLES_MAX } from '../dirty-rate/page-age.ts';
import { parseBandwidth } from '../options/bandwidth.ts';
import { addProcessOptions, chooseProcess, type ProcessFlags } from '../options/process-options.ts';
import { parseSeconds } from '../options/timeouts.ts';
import { dirtyRateText } from '../report/dirty-rate-text.ts';
import type { Report } from '../report/report.ts';
import { showBytes, showMs } from '../report/units.ts';
import { parseWorkload, startWorkload } from '../workloads/index.ts';

interface DirtyRateFlags extends ProcessFlags {
  readonly workload?: string;
  readonly seconds: string;
  readonly intervalMs: string;
  readonly bandwidth?: string;
  readonly downtimeMs: string;
  readonly json?: boolean;
}

/** `migrate dirty-rate`: how fast a guest writes to its memory, and whether a pre-copy would converge; nothing is copied. */
export function addDirtyRate(root: Command, context: CliContext): void {
  const command = root
    .command('dirty-rate')
    .description('measure how much memory a running guest writes, and predict a migration; nothing is copied')
    .option('--workload <NAME[,k=v…]>', 'the guest: a bundled workload; `migrate workloads` lists them');
  addProcessOptions(command)
    .option('--seconds <S>', 'how long', '10')
    .option('--interval-ms <MS>', 'between two looks, 10 to 60000', '100')
    .option('--bandwidth <RATE>', 'predict a pre-copy over such a link, for example 1Gbit/s')
    .option('--downtime-ms <MS>', 'how long the guest may be at rest for the last round', '300')
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
Exit code 0 also when a pre-copy would not converge: the summary says so. A process stands still once, for milliseconds, to be made ready.

Examples:
  migrate dirty-rate --workload counter,size=256MiB,rate=20000 --seconds 5
  migrate dirty-rate --pid "$(pidof redis-server)" --bandwidth 1Gbit/s --downtime-ms 100
`,
    )
    .action((flags: DirtyRateFlags) => dirtyRate(flags, context));
}

async function dirtyRate(flags: DirtyRateFlags, context: CliContext): Promise<void> {
  const report = context.report(flags.json === true);
  const intervalMs = parseMs(flags.intervalMs, '--interval-ms', INTERVAL_MIN_MS, INTERVAL_MAX_MS);
  const samples = Math.max(1, Math.round((parseSeconds(flags.seconds, '--seconds') * 1000) / intervalMs));
  if (samples > SAMPLES_MAX) {
    throw new CliError('USAGE', `--seconds ${flags.seconds} takes more than ${SAMPLES_MAX} looks`, {
      hint: 'Look less often, with --interval-ms.',
    });
  }
  const downtimeMs = parseMs(flags.downtimeMs, '--downtime-ms', 1, DOWNTIME_MAX_MS);
  const bandwidth =
    flags.bandwidth === undefined ? undefined : parseBandwidth(flags.bandwidth, '--bandwidth');
  const measured = await withGuest(flags, report, async (dirt) => {
    report.event({ type: 'tracking', kind: dirt.kind, memoryBytes: dirt.sizeBytes, pauseMs: dirt.pauseMs });
    report.talk(`tracking ${showBytes(dirt.sizeBytes)} for ${showMs(samples * intervalMs)}`);
    const { signal } = context;
    const onSample = (sample: object) => report.event({ type: 'sample', ...sample });
    return { ...(await measureDirt(dirt, { samples, intervalMs, signal, onSample })), pauseMs: dirt.pauseMs };
  });
  const convergence =
    bandwidth === undefined
      ? undefined
      : { bandwidthBytesPerSecond: bandwidth, ...predict(measured, bandwidth, downtimeMs) };
  report.result(dirtyRateText(measured, convergence), {
    type: 'summary',
    outcome: 'done',
    ...measured,
    convergence: convergence ?? null,
  });
}

function predict(measured: Measurement, bandwidth: number, downtimeMs: number): Convergence {
  return predictConvergence({
    memoryBytes: measured.memoryBytes,
    bandwidthBytesPerSecond: bandwidth,
    downtimeMs,
    curve: measured.workingSet,
  });
}

/** The guest is as it was afterwards, whatever happens. */
async function withGuest<Result>(
  flags: DirtyRateFlags,
  report: Report,
  use: (dirt: GuestDirt) => Promise<Result>,
): Promise<Result> {
  const process = chooseProcess(flags);
  if ((process === undefined) === (flags.workload === undefined)) {
    throw new CliError('USAGE', 'whose memory? One of --pid and --workload', {
      hint: 'For example --pid 1234, or --workload counter,size=256MiB; `migrate workloads` lists them.',
    });
  }
  if (process !== undefined) return closing(await processDirt(process), use);
  const spec = parseWorkload(flags.workload!);
  report.talk(`starting the workload ${spec.name}`);
  const workload = await startWorkload(spec);
  try {
    return await closing(await workloadDirt(workload), use);
  } finally {
    await workload.stop();
  }
}

async function closing<Result>(dirt: GuestDirt, use: (dirt: GuestDirt) => Promise<Result>): Promise<Result> {
  try {
    return await use(dirt);
  } finally {
    await dirt.close();
  }
}

/** Each look is a walk over all of memory. */
const INTERVAL_MIN_MS = 10;
const INTERVAL_MAX_MS = 60_000;
/** An hour at rest is no migration. */
const DOWNTIME_MAX_MS = 3_600_000;

function parseMs(text: string, flag: string, min: number, max: number): number {
  const ms = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && ms >= min && ms <= max) return ms;
  throw new CliError(
    'USAGE',
    `${flag} takes milliseconds from ${min} to ${max}, not ${JSON.stringify(text)}`,
    {
      hint: `For example ${flag} ${Math.max(min, 100)}`,
    },
  );
}
