#!/usr/bin/env node
// Builds and runs the native tests of the package in the current directory.
// usage: native-test [plain | asan | tsan]… [-- ARGS for the test program]     (default: all three)
import process from 'node:process';
import { buildTest } from './test-build.mjs';
import { runTest } from './test-run.mjs';
import { variants } from './test-variants.mjs';

const given = process.argv.slice(2);
const cut = given.includes('--') ? given.indexOf('--') : given.length;
const names = cut > 0 ? given.slice(0, cut) : Object.keys(variants);
const unknown = names.find((name) => !Object.hasOwn(variants, name));
if (unknown !== undefined) {
  console.error(`native-test: no variant "${unknown}"; there are ${Object.keys(variants).join(', ')}`);
  process.exit(2);
}

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => stop.abort(name));

let failed = false;
for (const name of names) {
  if (stop.signal.aborted) break;
  console.log(`# ${name}`);
  // oxlint-disable-next-line no-await-in-loop -- one at a time: the output of two programs must not mix
  for (const failure of await failuresOf(name)) {
    console.error(`native-test: ${failure}`);
    failed = true;
  }
}
if (stop.signal.aborted) process.exit(130);
process.exit(failed ? 1 : 0);

async function failuresOf(name) {
  try {
    const program = await buildTest(process.cwd(), name, stop.signal);
    const tally = await runTest(program, name, { args: given.slice(cut + 1), signal: stop.signal });
    return tally.failures;
  } catch (error) {
    return [error.message];
  }
}
