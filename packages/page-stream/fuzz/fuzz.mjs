// Fuzzes the decoder against the reference decoder: node fuzz/fuzz.mjs [--seconds N] [--seed S]
import { parseArgs } from 'node:util';
import { importSource } from '../scripts/bundle.mjs';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error('usage: node fuzz/fuzz.mjs [--seconds N] [--seed S]');
  process.exit(2);
}

const { runCampaign } = await importSource('fuzz/campaign.ts');
const deadline = Date.now() + seconds * 1000;
const { rounds, outcomes } = runCampaign({
  seed,
  maxRounds: Number.MAX_SAFE_INTEGER,
  isOver: () => Date.now() >= deadline,
});
for (const [outcome, count] of [...outcomes].toSorted(([, a], [, b]) => b - a))
  console.log(`${outcome} ${count}`);
console.log(`${rounds} rounds from seed ${seed}, no difference`);
