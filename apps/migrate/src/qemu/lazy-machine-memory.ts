import { serveMachine, type ServeMachineOptions } from '@stillframe/guests/qemu';
import type { LazyMemory, MissingPages } from '@stillframe/migration';
import { gapsIn, missingRanges } from '../migration/missing-ranges.ts';
import { servedMemory } from '../migration/served-memory.ts';

export type LazyMachineOptions = Pick<ServeMachineOptions, 'qmp' | 'pid' | 'regions' | 'fds'>;

/** Memory of a waiting machine whose pages come when it touches them. Pages that are there already stay. */
export async function lazyMachineMemory(
  options: LazyMachineOptions,
  missing: readonly MissingPages[],
): Promise<LazyMemory> {
  const ranges = missingRanges(missing);
  const { server, end } = await serveMachine({ ...options, ranges, missing });
  const pageSizeOf = (region: number) => options.regions[region]!.pageSize;
  const lazy = servedMemory(server, ranges, { pageSizeOf, onClosed: end });
  // Pages between that came as zeros are holes, which would be missing, too. The others are there, and stay.
  for (const { region, firstPage, pageCount } of gapsIn(ranges, missing)) {
    lazy.installZero(region, firstPage, pageCount);
  }
  return lazy;
}
