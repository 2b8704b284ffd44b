import type { Contestant } from '../policies.ts';
import type { RealModel } from '../report/model.ts';
import { scoresOfRounds } from '../rounds.ts';
import { captureSetting, type Scenario } from '../scenario.ts';
import type { Scores } from '../metric.ts';
import { scoresOf } from '../score.ts';
import { simulate } from '../sim/simulate.ts';
import type { RealRunner } from './real-runs.ts';

export interface ComparisonOptions {
  readonly scenarios: readonly Scenario[];
  readonly contestants: readonly Contestant[];
  readonly preImagesMaxBytes: number;
  /** Of the first simulated round; the others count on. */
  readonly seed: number;
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

interface Pair {
  readonly scenario: Scenario;
  readonly contestant: Contestant;
  readonly real: Scores[];
}

/** Each combination on real memory and in the simulator. Contestants take turns within a round, and the order turns around with every round. */
export async function compareWithReal(runner: RealRunner, options: ComparisonOptions): Promise<RealModel[]> {
  const pairs: Pair[] = options.scenarios.flatMap((scenario) =>
    options.contestants.map((contestant) => ({ scenario, contestant, real: [] })),
  );
  for (let round = 0; round < options.rounds; round++) {
    for (const pair of round % 2 === 0 ? pairs : pairs.toReversed()) {
      options.progress(`real, round ${round + 1} of ${options.rounds}: ${nameOf(pair)}`);
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the point
      pair.real.push(await runReal(runner, pair, options));
    }
  }
  return pairs.map((pair) => ({
    workload: pair.scenario.workload.name,
    sink: pair.scenario.sink.name,
    contestant: pair.contestant.id,
    real: scoresOfRounds(pair.real),
    simulated: scoresOfRounds(simulateRounds(pair, options)),
  }));
}

async function runReal(
  runner: RealRunner,
  { scenario, contestant }: Pair,
  { preImagesMaxBytes }: ComparisonOptions,
): Promise<Scores> {
  const { workload, sink, guestBytes } = scenario;
  const run = await runner.run({
    workload: workload.name,
    sink: sink.name,
    limiter: contestant.config,
    guestBytes,
    capture: captureSetting(contestant.store, preImagesMaxBytes),
  });
  return scoresOf(run);
}

function simulateRounds(
  { scenario, contestant }: Pair,
  { preImagesMaxBytes, rounds, seed }: ComparisonOptions,
): Scores[] {
  const { limiter, store } = contestant;
  const capture = captureSetting(store, preImagesMaxBytes);
  return Array.from({ length: rounds }, (_, round) =>
    scoresOf(simulate({ ...scenario, limiter, capture, seed: seed + round })),
  );
}

function nameOf({ scenario, contestant }: Pair): string {
  return `${scenario.workload.name}/${scenario.sink.name}/${contestant.id}`;
}
