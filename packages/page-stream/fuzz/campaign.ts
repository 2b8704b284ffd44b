import { Random } from './random.ts';

/** One input, made from `random` and tried; says what came of it. Throws when that is not what it should be. */
export type Round = (random: Random) => string | Promise<string>;

/** Above this growth of the process some input made a reader hold more than its limits allow. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;

const ROUNDS_BETWEEN_CHECKS = 256;

export interface CampaignOptions {
  readonly round: Round;
  readonly seed: number;
  readonly maxRounds: number;
  /** Asked after each round. */
  readonly isOver: () => boolean;
}

export interface CampaignResult {
  readonly rounds: number;
  /** How often each outcome came. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/** Rounds with one seed after the other. Rejects with the seed of a round that failed, and when the process grows. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { round, seed, maxRounds, isOver } = options;
  const outcomes = new Map<string, number>();
  const startRss = process.memoryUsage.rss();
  let rounds = 0;
  while (rounds < maxRounds && !isOver()) {
    const roundSeed = seed + rounds++;
    // oxlint-disable-next-line no-await-in-loop -- a seed names one round
    const outcome = await inRound(roundSeed, round);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (rounds % ROUNDS_BETWEEN_CHECKS !== 0) continue;
    const growth = process.memoryUsage.rss() - startRss;
    if (growth > MAX_GROWTH_BYTES)
      throw new Error(`the process grew by ${growth} bytes before round ${roundSeed}`);
  }
  return { rounds, outcomes };
}

async function inRound(seed: number, round: Round): Promise<string> {
  try {
    return await round(new Random(seed));
  } catch (cause) {
    throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
