import { open } from 'node:fs/promises';
import type { Guest, LimiterStep, SnapshotRun } from '@stillframe/snapshot';
import {
  TRACE_FORMAT,
  TRACE_VERSION,
  type TraceEnd,
  type TraceHeader,
  type TraceStep,
} from '@stillframe/snapshot/trace';
import { CliError } from '../cli-error.ts';
import type { CaptureChoice } from '../options/capture-options.ts';
import type { ControlFlags } from '../options/control-options.ts';
import type { LimiterSource } from '../options/limiter-choice.ts';
import { type Report, reportWarning } from '../report/report.ts';
import { TraceWriter } from './trace-writer.ts';

export interface RunTraceOptions {
  readonly flags: ControlFlags;
  readonly report: Report;
  readonly capture: CaptureChoice;
  /** What the limiter that is asked was made from. */
  readonly steering: { readonly source: LimiterSource };
}

/** Throws CliError FILE when the file cannot be made. */
export async function openTrace(options: RunTraceOptions): Promise<RunTrace> {
  const { report } = options;
  const path = options.flags.trace ?? '';
  const file = await open(path, 'w').catch((cause: unknown) => {
    throw new CliError('FILE', `cannot write the trace ${path}`, { cause, hint: 'Is its folder there?' });
  });
  const onFailure = (error: unknown) =>
    reportWarning(report, `the trace ${path} ends here, the snapshot goes on`, error);
  return new RunTrace(options, new TraceWriter({ file, onFailure }));
}

/** The trace of one picture. A disk that fails ends the trace with a warning, never the picture. */
export class RunTrace implements AsyncDisposable {
  readonly #options: RunTraceOptions;
  readonly #writer: TraceWriter;
  #steps = 0;
  #outcome: TraceEnd['outcome'] = 'failed';

  constructor(options: RunTraceOptions, writer: TraceWriter) {
    this.#options = options;
    this.#writer = writer;
  }

  step(step: LimiterStep, guest: Guest): void {
    const { source } = this.#options.steering;
    // The header is written now, because some guests know their regions only from the cut on.
    if (this.#steps === 0) this.#writer.line(this.#header(step, guest));
    this.#steps += 1;
    this.#writer.line(lineOf(step, source));
  }

  follow(run: SnapshotRun): void {
    const onDone = () => {
      this.#outcome = 'done';
    };
    run.result.then(onDone, () => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { skipped } = this.#writer;
    const end: TraceEnd = { type: 'end', outcome: this.#outcome, steps: this.#steps, missing: skipped };
    // Without a header it would be no trace: the snapshot has not begun.
    await this.#writer.end(this.#steps === 0 ? undefined : end);
  }

  #header({ limiter, observation }: LimiterStep, { regions }: Guest): TraceHeader {
    const { flags, capture, steering } = this.#options;
    return {
      type: 'header',
      format: TRACE_FORMAT,
      version: TRACE_VERSION,
      startedAt: new Date().toISOString(),
      limiter: { name: limiter, ...steering.source },
      pageSize: observation.pageSize,
      // Not what is left now: a fault may have come before the first step.
      pageCount: regions.reduce((sum, { sizeBytes, pageSize }) => sum + sizeBytes / pageSize, 0),
      regions: regions.map(({ name, sizeBytes, pageSize }) => ({ name, sizeBytes, pageSize })),
      capture: capture.capture,
      guest: guestOf(flags),
    };
  }
}

const GUEST_FLAGS: ReadonlySet<string> = new Set(['workload', 'pid', 'qmp', 'handoff', 'mode']);

/** The flags that say what is pictured, as they were given. */
function guestOf(flags: ControlFlags): TraceHeader['guest'] {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => GUEST_FLAGS.has(name)));
}

function lineOf(
  { limiter, began, observation, grant, isHeld }: LimiterStep,
  source: LimiterSource,
): TraceStep {
  return {
    type: 'step',
    limiter,
    ...(began === undefined ? {} : { began: { ...began, ...source } }),
    observation,
    grant,
    ...(isHeld ? { isHeld } : {}),
  };
}
