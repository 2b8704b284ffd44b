// One vitest run. The numbers come from our own reporter: vitest's own summary says
// neither why a test was skipped nor how many tests a crashed file would have had.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runToEnd } from './test-stop.mjs';
import { newTally } from './test-tally.mjs';

const root = path.resolve(import.meta.dirname, '../..');
// Not in vitest's exports, so found beside its package.json.
const vitest = path.join(
  path.dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
  'vitest.mjs',
);

/** @param {{ argv: string[], stop: { signal: AbortSignal, aborted: boolean }, cwd?: string }} options */
export async function runVitest({ argv, stop, cwd = root }) {
  const tally = newTally();
  const dir = mkdtempSync(path.join(tmpdir(), 'stillframe-test-'));
  const report = path.join(dir, 'report.json');
  const reporters = ['--reporter=default', `--reporter=${import.meta.dirname}/vitest-report.mjs`];
  // No test at all is the caller's to judge: with a filter it is none of our business.
  const command = [process.execPath, vitest, 'run', '--passWithNoTests', ...reporters, ...argv];
  try {
    const end = await runToEnd(command, {
      stop,
      cwd,
      env: { ...process.env, STILLFRAME_TEST_REPORT: report },
    });
    if (stop.aborted) return tally;
    readInto(tally, report);
    if (end !== 'exit code 0' && tally.failed === 0) tally.fail(`vitest ended with ${end}`);
    return tally;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function readInto(tally, report) {
  let entries;
  try {
    entries = JSON.parse(readFileSync(report, 'utf8'));
  } catch (error) {
    tally.fail(`vitest left no report: ${error.message}`);
    return;
  }
  for (const { kind, text } of entries) tally[kind](text);
}
