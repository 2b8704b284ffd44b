import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Child, ChildError, numberAt, type Result } from '../child-process.ts';

/** A core of a process that runs on. */
export interface CoreFigures {
  readonly totalMs: number;
  /** How long its threads stood still for the cut. */
  readonly pauseMs: number;
  /** And before, to be made ready. */
  readonly attachPauseMs: number;
  /** The most that migrate had resident, all of it. */
  readonly residentBytes: number;
  /** How much more that is than when it had attached, before it allocated anything for the capture. */
  readonly growthBytes: number;
  /** How many pictures before this one failed, because the process gave memory back that was not captured yet. */
  readonly failures: number;
}

/** A process that never stops giving memory back is no process to measure. */
const FAILURES_MAX = 5;

/** Samples of a high-water mark, which only goes up, until the process ends: the last few milliseconds are not seen. */
const LOOK_EVERY_MS = 5;

/** `migrate core`, with default options. */
export async function takeCore(program: string, pid: number, file: string): Promise<CoreFigures> {
  for (let failures = 0; ; failures++) {
    // oxlint-disable-next-line no-await-in-loop -- until there is one
    const taken = await tryCore(program, pid, file);
    if (taken !== undefined) return { ...taken, failures };
    if (failures === FAILURES_MAX)
      throw new ChildError(`${FAILURES_MAX} pictures failed one after the other`);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await rm(file, { force: true });
  }
}

async function tryCore(
  program: string,
  pid: number,
  file: string,
): Promise<Omit<CoreFigures, 'failures'> | undefined> {
  const startMs = performance.now();
  const args = [program, 'core', '--pid', String(pid), '--out', file, '--json'];
  const child = new Child(process.execPath, args);
  let beforeBytes = 0;
  let mostBytes = 0;
  const timer = setInterval(() => {
    mostBytes = Math.max(mostBytes, statusBytes(child.pid, 'VmHWM'));
  }, LOOK_EVERY_MS);
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- line by line
      const line = await child.next();
      if (beforeBytes === 0) beforeBytes = statusBytes(child.pid, 'VmRSS');
      mostBytes = Math.max(mostBytes, statusBytes(child.pid, 'VmHWM'));
      if (line['outcome'] === 'not-converged') return undefined;
      if (line['type'] === 'summary') {
        return figures(line, { totalMs: performance.now() - startMs, beforeBytes, mostBytes });
      }
    }
  } finally {
    clearInterval(timer);
  }
}

function figures(
  line: Result,
  seen: { totalMs: number; beforeBytes: number; mostBytes: number },
): Omit<CoreFigures, 'failures'> {
  return {
    totalMs: seen.totalMs,
    pauseMs: numberAt(line, 'pauseMs'),
    attachPauseMs: numberAt(line, 'attachPauseMs'),
    residentBytes: seen.mostBytes,
    growthBytes: seen.mostBytes - seen.beforeBytes,
  };
}

/** 0 when the process has ended. */
function statusBytes(pid: number, field: string): number {
  try {
    const [, kib] =
      new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}
