import type { Contestant } from '../policies.ts';
import type { RealModel } from '../report/model.ts';
import { captureSetting, type Scenario } from '../scenario.ts';
import { scoresOf } from '../score.ts';
import { simulate } from '../sim/simulate.ts';
import type { RealRunner } from './real-runs.ts';

export interface ComparisonOptions {
  readonly scenarios: readonly Scenario[];
  readonly contestants: readonly Contestant[];
  readonly preImagesMaxBytes: number;
  readonly seed: number;
  readonly progress: (text: string) => void;
}

/** Each combination on real memory and in the simulator. */
export async function compareWithReal(runner: RealRunner, options: ComparisonOptions): Promise<RealModel[]> {
  const { scenarios, contestants, preImagesMaxBytes, seed, progress } = options;
  const found: RealModel[] = [];
  for (const scenario of scenarios) {
    for (const { id, config, limiter, store } of contestants) {
      const { workload, sink, guestBytes } = scenario;
      progress(`real: ${workload.name}/${sink.name}/${id}`);
      const capture = captureSetting(store, preImagesMaxBytes);
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the point
      const real = await runner.run({
        workload: workload.name,
        sink: sink.name,
        limiter: config,
        guestBytes,
        capture,
      });
      const simulated = simulate({ ...scenario, limiter, capture, seed });
      found.push({
        workload: workload.name,
        sink: sink.name,
        contestant: id,
        real: scoresOf(real),
        simulated: scoresOf(simulated),
      });
    }
  }
  return found;
}
