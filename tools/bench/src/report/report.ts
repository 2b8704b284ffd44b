import type { Series } from '../figure.ts';
import type { Machine } from '../machine.ts';
import type { Row } from '../row.ts';

/** All that a run has to say. */
export interface Results {
  readonly machine: Machine;
  readonly isQuick: boolean;
  /** The same memcpy before, between and after the benchmarks. */
  readonly memcpy: Series;
  readonly isSteady: boolean;
  readonly rows: readonly Row[];
}

/** How results are printed. Each part is printed when it is there: a run takes minutes. */
export interface Report {
  /** The rows of one benchmark. */
  benchmark(name: string, rows: readonly Row[], otherWorkPercent: number): string;
  end(results: Results): string;
}
