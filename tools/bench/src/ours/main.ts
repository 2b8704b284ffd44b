import { loadAddon } from './addon.ts';
import { runArm, runSweep, runUntouched } from './engine-runs.ts';
import { runSnapshot } from './snapshot-run.ts';

// ours SCENARIO REQUEST: one measurement of ours, like one run of a C peer. Prints one JSON object.

const SCENARIOS = { arm: runArm, sweep: runSweep, untouched: runUntouched, snapshot: runSnapshot };

const [scenario, request] = process.argv.slice(2);
if (scenario === undefined || request === undefined || !Object.hasOwn(SCENARIOS, scenario)) {
  throw new Error(`usage: ours ${Object.keys(SCENARIOS).join('|')} REQUEST`);
}
const { addon, ...rest } = JSON.parse(request) as { addon: string };
const run = SCENARIOS[scenario as keyof typeof SCENARIOS] as (addon: object, request: object) => unknown;
console.log(JSON.stringify(await run(loadAddon(addon), rest)));
