import type { LazyMemory, MissingPages } from '@stillframe/migration';
import { PageServer } from '@stillframe/uffd';
import { GUEST_PAGE_BYTES } from '../workloads/guest-memory.ts';
import { gapsIn, missingRanges } from './missing-ranges.ts';
import type { MovableMemory } from './movable.ts';
import { servedMemory } from './served-memory.ts';

export interface LazyMovableMemory extends LazyMemory {
  /** What has not come, by any way; also after it was abandoned. Ascending. */
  missing(): readonly MissingPages[];
  /** The guest is being ended with pages missing: a thread that waits for one goes on, on zeros, to where it rests. */
  abandon(): void;
}

/**
 * Memory of a guest whose pages come when its threads touch them. It must not be touched by the thread that this belongs to.
 *
 * What is missing is served range by range; pages between that are there already are put aside and back, because serving begins with
 * empty memory.
 */
export function lazyMovableMemory(
  memory: readonly MovableMemory[],
  missing: readonly MissingPages[],
): LazyMovableMemory {
  const ranges = missingRanges(missing);
  const kept = gapsIn(ranges, missing).map((gap) => ({ gap, bytes: bytesOf(memory, gap).slice() }));
  const server = PageServer.open(ranges.map((range) => ({ memory: bytesOf(memory, range) })));
  const lazy = servedMemory(server, ranges, { pageSizeOf: () => GUEST_PAGE_BYTES });
  for (const { gap, bytes } of kept) lazy.install(gap.region, gap.firstPage, bytes);
  return {
    ...lazy,
    missing: () =>
      server.missing().map(({ region: range, firstPage, pageCount }) => {
        const { region, firstPage: start } = ranges[range]!;
        return { region, firstPage: start + firstPage, pageCount };
      }),
    abandon() {
      server.close({ missing: 'zero' });
      void lazy.close();
    },
  };
}

function bytesOf(
  memory: readonly MovableMemory[],
  { region, firstPage, pageCount }: MissingPages,
): MovableMemory {
  const start = firstPage * GUEST_PAGE_BYTES;
  return memory[region]!.subarray(start, start + pageCount * GUEST_PAGE_BYTES);
}
