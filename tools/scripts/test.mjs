// Runs every test of the project and ends with one plain line, "N passed, N failed[, N skipped]", over all of them.
// usage: node tools/scripts/test.mjs [--only native|unit|consumer] [--filter TEXT]
//   --filter keeps the test files whose path contains TEXT (a native test program counts as packages/<name>/native/test).
// Builds nothing but the native test programs: `./run test` builds first. With CI set, a skipped test is a failed one.
import { parseArgs } from 'node:util';
import { isClean, newTally, closingLine } from './test-tally.mjs';
import { runNative } from './test-native.mjs';
import { runVitest } from './test-vitest.mjs';
import { stopOnSignals } from './test-stop.mjs';

/** The vitest project that is a part of its own, because it packs and installs what the others only import; and its one file. */
const CONSUMER = 'consumer';
const CONSUMER_FILE = 'tools/scripts/consumer/consumer.test.ts';

const parts = {
  native: (options) => runNative(options),
  unit: ({ filter, stop }) =>
    runVitest({ stop, argv: [`--project=!${CONSUMER}`, ...(filter ? [filter] : [])] }),
  consumer: ({ filter, stop }) =>
    CONSUMER_FILE.includes(filter) ? runVitest({ stop, argv: [`--project=${CONSUMER}`] }) : newTally(),
};

const { values } = parseArgs({
  options: { only: { type: 'string' }, filter: { type: 'string', default: '' } },
});
if (values.only !== undefined && !Object.hasOwn(parts, values.only)) {
  console.error(`--only takes one of ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}
const strict = Boolean(process.env.CI) && process.env.CI !== 'false';
const stop = stopOnSignals();

const total = newTally();
const lines = [];
for (const name of values.only ? [values.only] : Object.keys(parts)) {
  console.log(`\n── ${name} ──`);
  // oxlint-disable-next-line no-await-in-loop -- the parts share two cores and one terminal
  const tally = await parts[name]({ filter: values.filter, stop });
  if (stop.aborted) break;
  if (tally.passed + tally.failed === 0 && !values.filter) tally.fail(`${name}: executed no test`);
  if (strict) tally.refuseSkips();
  lines.push(`${name.padEnd(9)} ${closingLine(tally)}`);
  total.add(tally);
}
if (stop.aborted) process.exit(stop.exitCode);
if (total.passed + total.failed === 0) total.fail(`no test matches "${values.filter}"`);

console.log('\n── summary ──');
for (const skip of total.skips) console.log(`skipped: ${skip}`);
for (const failure of total.failures) console.log(`failed: ${failure}`);
for (const line of lines) console.log(line);
console.log(closingLine(total));
process.exit(isClean(total) ? 0 : 1);
