import { byMetric, type Scores } from './metric.ts';

/** Of several rounds: the median, but the worst of the longest stall, because one bad case is one too many. */
export function scoresOfRounds(rounds: readonly Scores[]): Scores {
  return byMetric((metric) => {
    const values = rounds.map((scores) => scores[metric]).toSorted((a, b) => a - b);
    const index = metric === 'longestMs' ? values.length - 1 : Math.floor((values.length - 1) / 2);
    return values[index] ?? Number.NaN;
  });
}
