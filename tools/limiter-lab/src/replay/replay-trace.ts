import { replay } from '@stillframe/limiter';
import { readTrace, TraceError, type TraceStep } from '@stillframe/snapshot/trace';
import { LabError } from '../lab-error.ts';
import { type Contestant, contestants } from '../policies.ts';
import type { Decision, ReplayModel, ReplayPoint } from '../report/model.ts';

/** More would not be seen. Every policy is asked about every step all the same. */
const SHOWN_STEPS_MAX = 1500;
const MIB = 2 ** 20;

/**
 * Reads a trace of `migrate … --trace`, and asks every policy on the same observations: open loop, since their own decisions would have
 * changed what comes next.
 *
 * @param source The bytes of a trace. One that ends early is shown as far as it goes.
 * @throws LabError LAB_TRACE
 */
export async function replayTrace(source: AsyncIterable<Uint8Array>, name: string): Promise<ReplayModel> {
  const { limiter, steps } = await read(source);
  const first = steps[0];
  if (first === undefined) {
    throw new LabError('LAB_TRACE', 'the trace has no decisions', 'Take it with a guest that has memory.');
  }
  const startNs = first.observation.nowNs;
  const every = Math.ceil(steps.length / SHOWN_STEPS_MAX);
  const isShown = (_: unknown, index: number): boolean => index % every === 0 || index === steps.length - 1;
  return {
    name,
    limiter,
    points: steps.filter(isShown).map((step) => pointOf(step, startNs)),
    others: contestants('spill')
      .taking.filter(({ store }) => store !== 'inline')
      .map((contestant) => ({
        policy: contestant.id,
        decisions: decisionsOf(contestant, steps).filter(isShown),
      })),
  };
}

function decisionsOf({ limiter }: Contestant, steps: readonly TraceStep[]): Decision[] {
  return [...replay(limiter, steps)].map(({ entry, step }) => decision(step.grant, entry.observation.nowNs));
}

async function read(source: AsyncIterable<Uint8Array>): Promise<{ limiter: string; steps: TraceStep[] }> {
  const steps: TraceStep[] = [];
  let limiter = '';
  try {
    const { header, entries } = await readTrace(source);
    limiter = header.limiter.name;
    for await (const entry of entries) if (entry.type === 'step') steps.push(entry);
  } catch (error) {
    if (error instanceof TraceError && error.code === 'TRACE_TRUNCATED' && steps.length > 0)
      return { limiter, steps };
    const hint = error instanceof TraceError ? error.hint : 'Is the path right?';
    throw new LabError('LAB_TRACE', error instanceof Error ? error.message : String(error), hint, error);
  }
  return { limiter, steps };
}

function pointOf({ observation, grant }: TraceStep, startNs: number): ReplayPoint {
  const { faultWait, sink, preImages, pagesLeft, nowNs } = observation;
  return {
    atMs: rounded((nowNs - startNs) / 1e6),
    p99Us: rounded(faultWait.p99Ns / 1e3),
    maxUs: rounded(faultWait.maxNs / 1e3),
    sinkMs: rounded(sink.longestWriteNs / 1e6),
    drainMBps: rounded(sink.drainBytesPerSecond / 1e6),
    heldMiB: rounded(preImages.bytes / MIB),
    pagesLeft,
    grant: decision(grant, nowNs),
  };
}

function decision(grant: TraceStep['grant'], nowNs: number): Decision {
  const { pages, notBeforeNs, reason = '' } = grant;
  return { pages, waitMs: rounded(Math.max(0, (notBeforeNs - nowNs) / 1e6)), reason };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
