import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTest } from '../test-build.mjs';
import { runTest } from '../test-run.mjs';

const base = mkdtempSync(path.join(tmpdir(), 'native-test-'));
const native = path.join(base, 'native');
const programs = {};
const lines = [];
const run = (variant, fault, limitMs) => {
  lines.length = 0;
  const print = (line) => lines.push(line);
  return runTest(programs[variant], variant, { args: [fault], print, limitMs, stderr: 'ignore' });
};
const object = (source) => statSync(path.join(native, 'variants/plain', `${source}.o`)).mtimeMs;
const objects = () => [object('core__number.cc'), object('test__program.cc')];

beforeAll(async () => {
  mkdirSync(path.join(native, 'core'), { recursive: true });
  mkdirSync(path.join(native, 'test'));
  writeFileSync(path.join(native, 'core/number.h'), 'extern const int kNumber;\n');
  writeFileSync(path.join(native, 'core/number.cc'), '#include "core/number.h"\nconst int kNumber = 7;\n');
  copyFileSync(path.join(import.meta.dirname, 'program.cc'), path.join(native, 'test/program.cc'));
  [programs.plain, programs.asan, programs.tsan] = await Promise.all([
    buildTest(base, 'plain'),
    buildTest(base, 'asan'),
    buildTest(base, 'tsan'),
  ]);
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

describe('a run', () => {
  it.each(['plain', 'asan', 'tsan'])(
    'counts tests and skips, and passes lines on, in %s',
    async (variant) => {
      expect(await run(variant, '')).toEqual({
        passed: 1,
        failed: 0,
        skipped: 1,
        skips: ['on paper: no paper'],
        failures: [],
      });
      expect(lines).toContain('ok the number is 7');
    },
  );

  it.each([
    ['plain', 'failure', /^a test: because$/],
    ['plain', 'lie', /ended with 0 though a test failed/],
    ['plain', 'silent end', /where "1 passed, 0 failed, 1 skipped" was due/],
    ['plain', 'no test', /executed no test/],
    ['plain', 'exit code', /ended with 3 though no test failed/],
    ['asan', 'heap overflow', /ended with 1/],
    ['asan', 'overflow', /ended with 1/],
    ['tsan', 'race', /ended with 66/],
  ])('in %s fails on: %s', async (variant, fault, reason) => {
    const { failed, failures } = await run(variant, fault);
    expect(failed).toBeGreaterThan(0);
    expect(failures.at(-1)).toMatch(reason);
  });

  it('ends a program that hangs, and what it has forked', async () => {
    expect((await run('plain', 'hang', 200)).failures).toEqual(['plain: still running after 200 ms']);
  });

  it('does not wait for a child that the program has left behind', async () => {
    expect((await run('plain', 'orphan')).failed).toBe(0);
  });

  it('fails when the program cannot be started', async () => {
    const { failures } = await runTest(path.join(base, 'nothing'), 'plain', { print: () => {} });
    expect(failures[0]).toMatch(/ENOENT/);
  });
});

describe('a build', () => {
  it('compiles again what an edit reaches, through headers too, and nothing else', async () => {
    await buildTest(base, 'plain');
    const [number, program] = objects();
    await buildTest(base, 'plain');
    expect(objects()).toEqual([number, program]);

    writeFileSync(path.join(native, 'core/number.cc'), '#include "core/number.h"\nconst int kNumber = 8;\n');
    await buildTest(base, 'plain');
    expect(objects()).toEqual([expect.not.closeTo(number, 0), program]);
    await run('plain', '');
    expect(lines).toContain('ok the number is 8');

    writeFileSync(path.join(native, 'core/number.h'), 'extern const int kNumber;  // edited\n');
    await buildTest(base, 'plain');
    expect(object('test__program.cc')).toBeGreaterThan(program);
  });

  it('forgets a source that was deleted', async () => {
    const extra = path.join(native, 'core/extra.cc');
    writeFileSync(extra, '#error not compiled\n');
    await expect(buildTest(base, 'plain')).rejects.toThrow(/extra\.cc/);
    rmSync(extra);
    await buildTest(base, 'plain');
    expect((await run('plain', '')).failed).toBe(0);
  });

  it('refuses a package without native tests', async () => {
    const empty = path.join(base, 'empty');
    mkdirSync(empty);
    await expect(buildTest(empty, 'plain')).rejects.toThrow(/holds no \.cc file/);
  });
});
