// Fuzzes what reads bytes of others: node fuzz/fuzz.mjs [--seconds N] [--campaign NAME] [--seed S]. All campaigns share the time otherwise.
import { parseArgs } from 'node:util';
import { importSource } from '../scripts/bundle.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    campaign: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const { campaigns: own } = await importSource('fuzz/campaigns.ts');
const { runSealedRound } = await importSource('../sealed-file/fuzz/sealed-rounds.ts');
const campaigns = { ...own, sealed: runSealedRound };
const { runCampaign } = await importSource('fuzz/campaign.ts');
const seconds = Number(values.seconds);
const seed = Number(values.seed);
const names = values.campaign === undefined ? Object.keys(campaigns) : [values.campaign];
if (!(seconds > 0) || !Number.isSafeInteger(seed) || !names.every((name) => Object.hasOwn(campaigns, name))) {
  console.error('usage: node fuzz/fuzz.mjs [--seconds N] [--campaign NAME] [--seed S]');
  console.error(`campaigns: ${Object.keys(campaigns).join(', ')}`);
  process.exit(2);
}

for (const name of names) {
  const deadline = Date.now() + (seconds * 1000) / names.length;
  const isOver = () => Date.now() >= deadline;
  // oxlint-disable-next-line no-await-in-loop -- each has its time
  const { rounds, outcomes } = await runCampaign({
    round: campaigns[name],
    seed,
    maxRounds: Number.MAX_SAFE_INTEGER,
    isOver,
  });
  console.log(`${name}: ${rounds} rounds from seed ${seed}, nothing found`);
  for (const [outcome, count] of [...outcomes].toSorted(([, a], [, b]) => b - a))
    console.log(`  ${outcome} ${count}`);
}
