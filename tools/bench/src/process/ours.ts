import { readFileSync } from 'node:fs';
import { Child, numberAt, type Result } from '../child-process.ts';

/** A core of a process that runs on. */
export interface CoreFigures {
  readonly totalMs: number;
  /** How long its threads stood still. */
  readonly pauseMs: number;
  /** The most that migrate had resident, all of it. */
  readonly residentBytes: number;
  /** How much more that is than when it had attached, before it allocated anything for the capture. */
  readonly growthBytes: number;
}

/** Samples of a high-water mark, which only goes up, until the process ends: the last few milliseconds are not seen. */
const LOOK_EVERY_MS = 5;

/** `migrate core`, with default options. */
export async function takeCore(program: string, pid: number, file: string): Promise<CoreFigures> {
  const startMs = performance.now();
  const args = [program, 'core', '--pid', String(pid), '--out', file, '--json'];
  const child = new Child(process.execPath, args);
  let before = 0;
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, statusBytes(child.pid, 'VmHWM'));
  }, LOOK_EVERY_MS);
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- line by line
      const line = await child.next();
      if (before === 0) before = statusBytes(child.pid, 'VmRSS');
      most = Math.max(most, statusBytes(child.pid, 'VmHWM'));
      if (line['type'] === 'summary') {
        return figures(line, { totalMs: performance.now() - startMs, before, most });
      }
    }
  } finally {
    clearInterval(timer);
  }
}

function figures(line: Result, seen: { totalMs: number; before: number; most: number }): CoreFigures {
  return {
    totalMs: seen.totalMs,
    pauseMs: numberAt(line, 'pauseMs'),
    residentBytes: seen.most,
    growthBytes: seen.most - seen.before,
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
