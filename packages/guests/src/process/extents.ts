import { ProcessGuestError } from './error.ts';
import { type AddressRange, byStart } from './ranges.ts';

/** Pages that become one region: memory between two addresses, all of one page size. */
export interface Extent extends AddressRange {
  readonly pageSize: number;
}

/** Pages that exist, and how far they may grow together with others: never beyond `bounds`, whose ends are a mapping or a guard. */
export interface ExtentSeed extends Extent {
  readonly bounds: AddressRange;
}

/** Page tables of pages that do not exist cost 1/512 of what they span, so the first threshold costs nothing that matters. */
const FIRST_GAP_BYTES = 64 * 1024;

/** Beyond it the page tables of gaps (2 MiB each) would be felt by the machine. */
const LAST_GAP_BYTES = 2 ** 30;

/**
 * Puts neighbours together until there are at most `maxCount`: those that touch, and those of the same bounds with a gap between them that
 * is as short as the count allows. The pages of a gap do not exist; they are armed with the rest and come out as zeros.
 *
 * @param seeds In any order, not overlapping.
 * @throws ProcessGuestError PROCESS_TOO_FRAGMENTED.
 */
export function mergeExtents(seeds: readonly ExtentSeed[], maxCount: number): Extent[] {
  const sorted = seeds.toSorted(byStart);
  for (let gapBytes = FIRST_GAP_BYTES; ; gapBytes *= 2) {
    const merged = mergeOnce(sorted, BigInt(gapBytes));
    if (merged.length <= maxCount)
      return merged.map(({ start, end, pageSize }) => ({ start, end, pageSize }));
    if (gapBytes >= LAST_GAP_BYTES) {
      throw new ProcessGuestError(
        'PROCESS_TOO_FRAGMENTED',
        `the memory of the process has ${merged.length} separate parts, ${maxCount} fit into an image`,
        { operands: { parts: merged.length, maxParts: maxCount } },
      );
    }
  }
}

function mergeOnce(seeds: readonly ExtentSeed[], gapBytes: bigint): ExtentSeed[] {
  const merged: ExtentSeed[] = [];
  for (const seed of seeds) {
    const last = merged.at(-1);
    if (last !== undefined && last.pageSize === seed.pageSize && mayJoin(last, seed, gapBytes)) {
      // The bounds of the later one: what follows can only touch those.
      merged[merged.length - 1] = { ...seed, start: last.start };
    } else merged.push(seed);
  }
  return merged;
}

function mayJoin(one: ExtentSeed, next: ExtentSeed, gapBytes: bigint): boolean {
  if (next.start === one.end) return true;
  const sameBounds = one.bounds.start === next.bounds.start && one.bounds.end === next.bounds.end;
  return sameBounds && next.start - one.end <= gapBytes;
}
