import { addressOf, type JsMemory, wholePages } from './address.ts';
import { argumentError } from './errors.ts';
import { Mapping } from './mapping.ts';
import { OwnMappings } from './own-mappings.ts';
import { type MemoryRange, pageSize as basePageSize } from './range.ts';

/** Memory to be captured. Whole pages only. */
export interface CaptureRegion {
  /**
   * What to picture. A `Mapping`, an ArrayBuffer, a SharedArrayBuffer, a WebAssembly.Memory or a view is kept alive until the capture is
   * closed. A bare address range (e.g. memory that a worker owns) is the caller's to keep; should it be unmapped all the same, the
   * capture fails and the process does not.
   */
  readonly memory: JsMemory | Mapping | MemoryRange;
  /** Take the whole pages inside, leaving out the ends; by default memory that does not start and end on a page is refused. */
  readonly trim?: boolean;
}

/** Whole pages of one address space. */
export interface EngineRegion {
  readonly address: bigint;
  /** A multiple of `pageSize`. */
  readonly sizeBytes: number;
  /** What one fault and one claim cover: 4096, or the size of a huge page in hugetlb memory. */
  readonly pageSize: number;
}

/** A region of this process as the engine takes it. */
export interface ResolvedRegion extends EngineRegion {
  /** Needs UFFD_FEATURE_WP_HUGETLBFS_SHMEM. */
  readonly isShared: boolean;
  readonly isHugetlb: boolean;
  /** Private anonymous: where there is no page, there are zeros. */
  readonly holesAreZero: boolean;
  /** Read through the kernel, because it may be unmapped meanwhile. */
  readonly mayVanish: boolean;
}

/** Whether both are the same pages, in the same order. */
export function areSameRegions(regions: readonly EngineRegion[], others: readonly EngineRegion[]): boolean {
  return (
    regions.length === others.length &&
    regions.every(
      ({ address, sizeBytes, pageSize }, index) =>
        others[index]!.address === address &&
        others[index]!.sizeBytes === sizeBytes &&
        others[index]!.pageSize === pageSize,
    )
  );
}

/**
 * Finds the pages and looks up what kind of mapping they are in.
 * @throws RangeError when there is no whole page, or the memory does not start and end on a page and `trim` is not set.
 */
export function resolveRegions(regions: readonly CaptureRegion[]): ResolvedRegion[] {
  if (regions.length === 0) throw argumentError(RangeError, 'a capture needs at least one region');
  using mappings = new OwnMappings();
  return regions.map((region) => resolve(region, mappings));
}

function resolve({ memory, trim = false }: CaptureRegion, mappings: OwnMappings): ResolvedRegion {
  const range = isRange(memory) ? memory : addressOf(memory);
  const end = range.address + BigInt(range.sizeBytes);
  const under = mappings.under(range.address, end);
  const pageSize = Math.max(basePageSize, ...under.map((entry) => entry.pageSize));
  const pages = wholePages(range, { pageSize, exact: !trim });
  return {
    address: pages.address,
    sizeBytes: pages.sizeBytes,
    pageSize,
    isShared: under.some((entry) => entry.isShared),
    isHugetlb: under.some((entry) => entry.isHugetlb),
    holesAreZero: under.every((entry) => entry.isPrivateAnonymous),
    mayVanish: isRange(memory) && !(memory instanceof Mapping),
  };
}

function isRange(memory: CaptureRegion['memory']): memory is Mapping | MemoryRange {
  return 'address' in memory && 'sizeBytes' in memory;
}
