import { CapturePlanner, type PlannerOptions } from '../src/process/capture-plan.ts';
import { FILTER_DEFAULT } from '../src/process/dump-filter.ts';
import type { PopulatedRange } from '../src/process/populated.ts';
import { PAGE } from './sample-mapping.ts';

/** Plans with the default filter, for a process that has these pages and nothing else. */
export function planner(
  populated: readonly PopulatedRange[],
  change: Partial<PlannerOptions> = {},
): CapturePlanner {
  return new CapturePlanner({
    filter: FILTER_DEFAULT,
    includeDontDump: false,
    basePageSize: PAGE,
    copyMaxBytes: 2 ** 20,
    scan: ({ start, end }) => populated.filter((range) => range.start >= start && range.end <= end),
    isElf: () => true,
    sharedData: () => [],
    ...change,
  });
}
