import { byMetric, type Metric, METRIC_NAMES, ratio, type Scores } from './metric.ts';

/** The scores of one contestant in one scenario. */
export interface Scored {
  readonly contestant: string;
  readonly scenario: string;
  readonly scores: Scores;
}

export type Weights = Readonly<Record<Metric, number>>;

export function byScenario<Cell extends Scored>(cells: readonly Cell[]): Map<string, Cell[]> {
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    const group = groups.get(cell.scenario);
    if (group === undefined) groups.set(cell.scenario, [cell]);
    else group.push(cell);
  }
  return groups;
}

/** What the project is for comes first: stalls. The weights are a judgement; the report lets the reader change them. */
export const WEIGHTS: Weights = { longestMs: 0.35, p99Us: 0.2, totalMs: 0.25, heldMiB: 0.05, stallMs: 0.15 };

export interface Ranked {
  readonly contestant: string;
  /** Geometric mean over metrics (weighted) and scenarios of how many times worse than the best it is; 1 is the best in everything. */
  readonly composite: number;
  /** The same for each metric alone. */
  readonly factors: Scores;
  /** No other is at least as good in all factors and better in one. */
  readonly isPareto: boolean;
}

/** Differences of less than this do not make one contestant better than another. */
const PARETO_TOLERANCE = 1.01;

/** From the best to the worst. Only scenarios that every contestant has count. */
export function rank(cells: readonly Scored[], weights: Weights = WEIGHTS): Ranked[] {
  const factors = factorsOf(cells);
  const total = METRIC_NAMES.reduce((sum, metric) => sum + weights[metric], 0);
  const ranked = [...factors].map(([contestant, own]) => {
    const log = METRIC_NAMES.reduce((sum, metric) => sum + weights[metric] * Math.log(own[metric]), 0);
    const isPareto = ![...factors].some(([other, theirs]) => other !== contestant && dominates(theirs, own));
    return { contestant, composite: total > 0 ? Math.exp(log / total) : 1, factors: own, isPareto };
  });
  return ranked.toSorted((a, b) => a.composite - b.composite);
}

/** At least as good in everything, and better in something by more than the tolerance. */
export function dominates(a: Scores, b: Scores): boolean {
  return (
    METRIC_NAMES.every((metric) => a[metric] <= b[metric] * PARETO_TOLERANCE) &&
    METRIC_NAMES.some((metric) => a[metric] * PARETO_TOLERANCE < b[metric])
  );
}

function factorsOf(cells: readonly Scored[]): Map<string, Scores> {
  const scenarios = byScenario(cells);
  const sums = new Map<string, Record<Metric, number>>();
  for (const group of scenarios.values()) {
    for (const metric of METRIC_NAMES) {
      const best = Math.min(...group.map(({ scores }) => scores[metric]));
      for (const { contestant, scores } of group) {
        const own = sums.get(contestant) ?? byMetric(() => 0);
        own[metric] += Math.log(ratio(metric, scores[metric], best));
        sums.set(contestant, own);
      }
    }
  }
  const means = [...sums].map(([contestant, own]): [string, Scores] => [
    contestant,
    byMetric((metric) => Math.exp(own[metric] / scenarios.size)),
  ]);
  return new Map(means);
}
