import { expect, it } from 'vitest';
import { runCampaign } from '../../page-stream/fuzz/campaign.ts';
import { runSealedRound } from '../fuzz/sealed-rounds.ts';

/** Enough rounds to meet every code; the box is for slow machines. */
const ROUNDS = 1500;
const BOX_MS = 4000;

it('a short fuzz campaign finds no difference to the naive reader', async () => {
  const start = Date.now();
  const isOver = () => Date.now() - start > BOX_MS;
  const { outcomes } = await runCampaign({
    round: runSealedRound,
    seed: 20_201_118,
    maxRounds: ROUNDS,
    isOver,
  });
  expect(outcomes.get('opened')).toBeGreaterThan(0);
  expect(outcomes.size).toBeGreaterThan(6);
});
