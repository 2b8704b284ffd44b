import { spawn } from 'node:child_process';
import path from 'node:path';
import { WAIT_BUCKET_COUNT } from '@stillframe/snapshot';
import { probe } from '@stillframe/uffd';
import { LabError } from '../lab-error.ts';
import type { RunResult } from '../run-result.ts';
import { compileGuest, PACKAGE } from './compile.ts';
import type { RealFigures, RealRequest } from './request.ts';

const PROGRAM = path.join(PACKAGE, 'dist/real-run.js');
/** A collapsing sink takes seconds; a minute of silence means a writer that nobody frees. */
const TIMEOUT_MS = 120_000;
const STDERR_KEPT = 4000;

/** Real runs, one at a time. */
export interface RealRunner {
  run(request: Omit<RealRequest, 'addon'>): Promise<RunResult>;
}

/** @throws LabError LAB_NO_USERFAULTFD, LAB_RUN_FAILED */
export async function realRunner(
  program = PROGRAM,
  compilerFlags: readonly string[] = [],
): Promise<RealRunner> {
  const tier = probe().tiers.find(({ name }) => name === 'sync-wp');
  if (tier?.available !== true) {
    const message = `userfaultfd cannot be used here: ${tier?.reason}`;
    throw new LabError('LAB_NO_USERFAULTFD', message, tier?.remedy ?? 'run it as root on Linux 5.7 or later');
  }
  const addon = await compileGuest(compilerFlags);
  return { run: async (request) => resultOf(await runProcess(program, { ...request, addon })) };
}

function resultOf({ counts, longestNs, sumNs, ...figures }: RealFigures): RunResult {
  const all = new Float64Array(WAIT_BUCKET_COUNT);
  for (const [bucket, count] of counts) all[bucket] = count;
  return { ...figures, writes: { counts: all, longestNs, sumNs } };
}

function runProcess(program: string, request: RealRequest): Promise<RealFigures> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, JSON.stringify(request)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    // A thread in a page fault that nobody answers only ends with its process.
    const kill = (): boolean => child.kill('SIGKILL');
    process.once('exit', kill);
    let out = '';
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-STDERR_KEPT);
    });
    const fail = (why: string): void => {
      const hint = 'Its last words are above; the other runs are not affected.';
      reject(new LabError('LAB_RUN_FAILED', `a real run failed: ${why}\n${said.trim()}`, hint));
    };
    child.once('error', (error) => fail(error.message));
    child.once('close', (code, signal) => {
      process.off('exit', kill);
      if (code === 0) resolve(JSON.parse(out));
      else fail(signal ?? `exit code ${code}`);
    });
  });
}
