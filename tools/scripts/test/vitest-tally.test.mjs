// What the numbers at the end of a run are made of: nothing that goes wrong in a test file may count as less than a failure.
import path from 'node:path';
import { expect, it } from 'vitest';
import { runVitest } from '../test-vitest.mjs';
import { closingLine, newTally } from '../test-tally.mjs';

const cwd = path.join(import.meta.dirname, 'fixture');
const run = (...argv) =>
  runVitest({ cwd, argv, stop: { signal: new AbortController().signal, aborted: false } });

it('counts each outcome, with the reason of a skip', async () => {
  const tally = await run('outcomes');
  expect(closingLine(tally)).toBe('1 passed, 2 failed, 3 skipped');
  expect(tally.failures).toEqual([
    'fixture: outcomes.fixture.ts > a broken hook: hook',
    'fixture: outcomes.fixture.ts > fails: on purpose',
  ]);
  expect(tally.skips).toEqual([
    'fixture: outcomes.fixture.ts > is skipped: gives no reason',
    'fixture: outcomes.fixture.ts > skips itself: no such kernel',
    'fixture: outcomes.fixture.ts > a broken hook > never runs: gives no reason',
  ]);
});

it('counts a file whose process dies as failed, and none of its tests as passed', async () => {
  const tally = await run('crash');
  expect(tally.passed).toBe(0);
  expect(tally.failures).toContain('fixture: crash.fixture.ts did not finish');
});

it('counts a file that cannot be loaded as failed', async () => {
  expect((await run('unloadable')).failures).toEqual(['fixture: unloadable.fixture.ts: while loading']);
});

it('counts an error outside any test as failed', async () => {
  const tally = await run('stray');
  expect(tally.failures).toEqual(['outside any test: stray']);
});

it('counts vitest itself failing as failed', async () => {
  expect((await run('--no-such-option')).failures).toHaveLength(1);
});

it('gives nothing for no test files, which the caller judges', async () => {
  expect(closingLine(await run('nowhere'))).toBe('0 passed, 0 failed');
});

it('turns skips into failures on demand', () => {
  const tally = newTally();
  tally.skip('x: no kernel');
  tally.refuseSkips();
  expect(closingLine(tally)).toBe('0 passed, 1 failed');
  expect(tally.failures).toEqual(['skipped, which CI does not allow: x: no kernel']);
});
