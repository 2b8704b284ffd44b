import type { ForeignRegion } from '@stillframe/uffd';
import type { CapturePlan } from './capture-plan.ts';
import type { Extent } from './extents.ts';
import { type AddressRange, firstEndingAfter, gapsIn, union, within } from './ranges.ts';

/** Smaller pieces are armed at the cut quickly enough; the stacks of threads are among them. */
const AHEAD_MIN_BYTES = 2n ** 20n;

/** The C libraries keep what they know of a thread at the upper end of its stack. */
const THREAD_END_BYTES = 2n ** 16n;

/** The plan, but pages that `ranges` touch are copied instead of armed. */
export function setAside(plan: CapturePlan, ranges: readonly AddressRange[]): CapturePlan {
  const wanted = union(ranges);
  const aside: AddressRange[] = [];
  const armed = plan.armed.flatMap((extent): readonly Extent[] => {
    const touched = wholePagesWithin(wanted, extent);
    if (touched.length === 0) return [extent];
    aside.push(...touched);
    return gapsIn(touched, extent).map(({ start, end }) => ({ start, end, pageSize: extent.pageSize }));
  });
  return aside.length === 0 ? plan : { ...plan, armed, copied: union([...plan.copied, ...aside]) };
}

function wholePagesWithin(wanted: readonly AddressRange[], extent: Extent): AddressRange[] {
  const mask = BigInt(extent.pageSize) - 1n;
  return union(
    within(wanted, extent).map(({ start, end }) => ({ start: start & ~mask, end: (end + mask) & ~mask })),
  );
}

/**
 * The armed memory of a plan as the capture engine takes it before the cut. Small pieces and the upper ends of mappings are left to the
 * cut, because a thread may be ending there at any moment while the process runs; see exit-writes.ts.
 */
export function aheadRegions({ armed }: CapturePlan, mappings: readonly AddressRange[]): ForeignRegion[] {
  return armed.flatMap((extent): ForeignRegion[] => {
    const { start, end, pageSize } = extent;
    if (end - start < AHEAD_MIN_BYTES) return [regionOf(extent, { start, end }, true)];
    const mapping = mappings[firstEndingAfter(mappings, end - 1n)];
    const mask = BigInt(pageSize) - 1n;
    const tail = ((mapping?.end ?? end) - THREAD_END_BYTES) & ~mask;
    if (tail >= end) return [regionOf(extent, { start, end }, false)];
    return [regionOf(extent, { start, end: tail }, false), regionOf(extent, { start: tail, end }, true)];
  });
}

function regionOf({ pageSize }: Extent, { start, end }: AddressRange, onlyAtCut: boolean): ForeignRegion {
  return { address: start, sizeBytes: Number(end - start), pageSize, onlyAtCut };
}
