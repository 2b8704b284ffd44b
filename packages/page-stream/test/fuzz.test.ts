import { describe, expect, it } from 'vitest';
import { runCampaign } from '../fuzz/campaign.ts';
import { campaigns } from '../fuzz/campaigns.ts';

/** Enough rounds to meet every outcome; the box is for slow machines. */
const ROUNDS = 2000;
const BOX_MS = 2000;

/** That the mutations get deep: so many different ends, and this one among them. */
const DEPTHS: Readonly<Record<string, { readonly outcome: string; readonly count: number }>> = {
  stream: { outcome: 'ok', count: 8 },
  image: { outcome: 'image accepted', count: 4 },
  index: { outcome: 'index used, then damaged', count: 4 },
  migration: { outcome: 'ok', count: 8 },
  session: { outcome: 'ok', count: 8 },
};

describe('a short fuzz campaign', () => {
  it.each(Object.entries(campaigns))('%s: nothing is found', async (name, round) => {
    const start = Date.now();
    const isOver = () => Date.now() - start > BOX_MS;
    const { outcomes } = await runCampaign({ round, seed: 20_201_118, maxRounds: ROUNDS, isOver });
    const { outcome, count } = DEPTHS[name]!;
    expect(outcomes.get(outcome)).toBeGreaterThan(0);
    expect(outcomes.size).toBeGreaterThanOrEqual(count);
  });
});
