// One vitest run over chosen projects of the root config. The numbers come from our own reporter: vitest's own summary says
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

/** @param {{ projects: string[], filter: string, stop: { signal: AbortSignal, aborted: boolean } }} options */
export async function runVitest({ projects, filter, stop }) {
  const tally = newTally();
  const dir = mkdtempSync(path.join(tmpdir(), 'stillframe-test-'));
  const report = path.join(dir, 'report.json');
  const argv = [
    process.execPath,
    vitest,
    'run',
    '--reporter=default',
    `--reporter=${import.meta.dirname}/vitest-report.mjs`,
  ];
  argv.push(...projects.map((name) => `--project=${name}`));
  if (filter) argv.push('--passWithNoTests', filter);
  try {
    const end = await runToEnd(argv, {
      stop,
      cwd: root,
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
