// The native test programs of every package that has some, under both sanitizer builds.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { buildTest } from '../native-build/test-build.mjs';
import { runTest } from '../native-build/test-run.mjs';
import { newTally } from './test-tally.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const VARIANTS = ['asan', 'tsan'];

/** @param {{ filter: string, stop: { signal: AbortSignal, aborted: boolean } }} options */
export async function runNative({ filter, stop }) {
  const tally = newTally();
  const runs = readdirSync(path.join(root, 'packages'))
    .map((name) => `packages/${name}`)
    .filter(
      (name) => existsSync(path.join(root, name, 'native/test')) && `${name}/native/test`.includes(filter),
    )
    .flatMap((name) => VARIANTS.map((variant) => ({ name, variant })));
  // A program runs while the next one is compiled: most of what it does is wait.
  const programs = buildOneByOne(runs, stop.signal);
  for (const [index, { name, variant }] of runs.entries()) {
    const cwd = path.join(root, name);
    try {
      // oxlint-disable-next-line no-await-in-loop -- one at a time: the output of two programs must not mix
      const program = await programs[index];
      if (stop.aborted) break;
      console.log(`# ${name} ${variant}`);
      // oxlint-disable-next-line no-await-in-loop
      tally.add(await runTest(program, variant, { cwd, signal: stop.signal }), `${name} ${variant}: `);
    } catch (error) {
      tally.fail(`${name} ${variant}: ${error.message}`);
    }
  }
  await Promise.allSettled(programs);
  return tally;
}

/** One after the other, because each build uses every core; one that fails stops none. @returns A promise of each program's path. */
function buildOneByOne(runs, signal) {
  let before = Promise.resolve();
  return runs.map(({ name, variant }) => {
    const program = before.then(() => buildTest(path.join(root, name), variant, signal));
    before = program.catch(() => undefined);
    return program;
  });
}
