import type { StateMapping } from '../process/state.ts';
import { type AddressRange, firstEndingAfter } from '../process/ranges.ts';
import { CoreError } from './error.ts';

/** One PT_LOAD: `hasBytes` says whether the file has its content or only its place. */
export interface Segment extends AddressRange {
  /** PF_ bits of ELF. */
  readonly flags: number;
  readonly hasBytes: boolean;
}

/** A hole of this size in a mapping gets a segment without content of its own: a reader of the file need not pass over so many zeros. */
export const HOLE_SPLIT_BYTES = 2n ** 30n;

/** sh_info, where the number of program headers is kept when there are many, has 32 bits; this is far beyond any process. */
export const SEGMENTS_MAX = 4_194_304;

const ELF_PERMS = 7;

/**
 * One segment for each mapping, more for those of which the image has parts.
 *
 * Memory without a file is zeros where it has no page, so its segment is whole and sparse. Of a file mapping only the parts that the image
 * has: a debugger takes the rest from the file, as with the kernel's own core files.
 *
 * @param regions Ascending.
 * @throws CoreError CORE_REGION_UNMAPPED, CORE_TOO_MANY_SEGMENTS.
 */
export function coreSegments(mappings: readonly StateMapping[], regions: readonly AddressRange[]): Segment[] {
  const segments: Segment[] = [];
  let covered = 0n;
  for (const mapping of mappings) {
    const parts = partsIn(mapping, regions);
    for (const { start, end } of parts) covered += end - start;
    const kept = isFileBacked(mapping) ? parts : joinAcrossHoles(parts, mapping);
    addSegments(segments, mapping, kept);
    if (segments.length > SEGMENTS_MAX) {
      throw new CoreError('CORE_TOO_MANY_SEGMENTS', `more than ${SEGMENTS_MAX} segments`);
    }
  }
  const expected = regions.reduce((sum, { start, end }) => sum + (end - start), 0n);
  if (covered !== expected) {
    throw new CoreError(
      'CORE_REGION_UNMAPPED',
      `${expected - covered} bytes of the regions are in no mapping`,
    );
  }
  return segments;
}

function isFileBacked({ kind }: StateMapping): boolean {
  return kind === 'private-file' || kind === 'shared-file';
}

/** What the image has of a mapping; what touches is one part. */
function partsIn(
  { start, end }: StateMapping,
  regions: readonly AddressRange[],
): { start: bigint; end: bigint }[] {
  const parts: { start: bigint; end: bigint }[] = [];
  for (let at = firstEndingAfter(regions, start); at < regions.length; at++) {
    const region = regions[at]!;
    if (region.start >= end) break;
    const from = region.start > start ? region.start : start;
    const to = region.end < end ? region.end : end;
    const last = parts.at(-1);
    if (last !== undefined && last.end === from) last.end = to;
    else parts.push({ start: from, end: to });
  }
  return parts;
}

function joinAcrossHoles(
  parts: readonly { start: bigint; end: bigint }[],
  { start, end }: StateMapping,
): { start: bigint; end: bigint }[] {
  const joined: { start: bigint; end: bigint }[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    const from = last?.end ?? start;
    const isNear = part.start - from < HOLE_SPLIT_BYTES;
    if (last !== undefined && isNear) last.end = part.end;
    else joined.push({ start: isNear ? from : part.start, end: part.end });
  }
  const last = joined.at(-1);
  if (last !== undefined && end - last.end < HOLE_SPLIT_BYTES) last.end = end;
  return joined;
}

function addSegments(segments: Segment[], mapping: StateMapping, kept: readonly AddressRange[]): void {
  const flags = mapping.perms & ELF_PERMS;
  let at = mapping.start;
  for (const { start, end } of kept) {
    if (start > at) segments.push({ start: at, end: start, flags, hasBytes: false });
    segments.push({ start, end, flags, hasBytes: true });
    at = end;
  }
  if (at < mapping.end) segments.push({ start: at, end: mapping.end, flags, hasBytes: false });
}
