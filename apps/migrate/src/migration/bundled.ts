import type { WorkloadSpec } from '../workloads/index.ts';
import { CliError } from '../cli-error.ts';
import { counterMovable } from './counter-movable.ts';
import type { Movable } from './movable.ts';

/** The bundled guests that can move. */
const byWorkload: ReadonlyMap<string, Movable> = new Map([['counter', counterMovable]]);

export const bundledMovables: readonly Movable[] = [...byWorkload.values()];

/** The workload as a guest that moves. Throws CliError NOT_AVAILABLE for one that cannot. */
export function movableWorkload({ name }: WorkloadSpec): Movable {
  const movable = byWorkload.get(name);
  if (movable !== undefined) return movable;
  throw new CliError('NOT_AVAILABLE', `the workload ${name} cannot move yet`, {
    hint: `These can: ${[...byWorkload.keys()].join(', ')}.`,
  });
}
