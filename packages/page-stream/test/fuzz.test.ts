import { describe, expect, it } from 'vitest';
import { runCampaign } from '../fuzz/campaign.ts';

/** Enough rounds to meet every code; the box is for slow machines. */
const ROUNDS = 4000;
const BOX_MS = 6000;

describe('a short fuzz campaign', () => {
  it('finds no difference to the reference decoder, no untyped error, and no growth', () => {
    const start = Date.now();
    const { rounds, outcomes } = runCampaign({
      seed: 20_201_118,
      maxRounds: ROUNDS,
      isOver: () => Date.now() - start > BOX_MS,
    });
    expect(rounds).toBeGreaterThan(0);
    // The mutations get deep: streams are accepted, and refused for many different reasons.
    expect(outcomes.get('ok')).toBeGreaterThan(0);
    expect(outcomes.size).toBeGreaterThan(8);
  });
});
