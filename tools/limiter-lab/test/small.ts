import { limiterFromConfig } from '@stillframe/limiter';
import { captureSetting, type StoreMode } from '../src/scenario.ts';
import { type Costs, MEASURED_COSTS } from '../src/sim/costs.ts';
import type { Simulation } from '../src/sim/simulate.ts';
import { SINK_SHAPES, type SinkShape } from '../src/sink-shape.ts';
import { WORKLOADS, type Workload } from '../src/workload.ts';

export const MIB = 2 ** 20;
export const PAGE = 4096;

export const workload = (name: string): Workload => WORKLOADS.find((each) => each.name === name)!;
export const sink = (name: string): SinkShape => SINK_SHAPES.find((each) => each.name === name)!;

/** A guest of 4 MiB with a store of 1 MiB: everything that can happen, in milliseconds. */
export function small(options: {
  workload?: Workload;
  sink?: SinkShape;
  limiter?: unknown;
  store?: StoreMode;
  costs?: Costs;
}): Simulation {
  return {
    workload: options.workload ?? workload('steady'),
    sink: options.sink ?? sink('slow'),
    guestBytes: 4 * MIB,
    limiter: limiterFromConfig(options.limiter ?? 'none'),
    capture: captureSetting(options.store ?? 'spill', MIB),
    costs: options.costs ?? MEASURED_COSTS,
  };
}

/** The measured costs without chance. */
export const FIXED_COSTS: Costs = {
  ...MEASURED_COSTS,
  faultWakeSpread: 0,
  sameCoreWakeSpread: 0,
  writerWakeSpread: 0,
  scriptWakeSpread: 0,
  preemptedShare: 0,
};
