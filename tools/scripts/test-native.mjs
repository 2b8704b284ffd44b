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
  for (const { name, variant } of runs) {
    if (stop.aborted) break;
    console.log(`# ${name} ${variant}`);
    try {
      const cwd = path.join(root, name);
      // oxlint-disable-next-line no-await-in-loop -- each build already uses every core
      const program = await buildTest(cwd, variant, stop.signal);
      // oxlint-disable-next-line no-await-in-loop
      tally.add(await runTest(program, variant, { cwd, signal: stop.signal }), `${name} ${variant}: `);
    } catch (error) {
      tally.fail(`${name} ${variant}: ${error.message}`);
    }
  }
  return tally;
}
