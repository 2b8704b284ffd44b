/** Addresses from `start` up to, not including, `end`. */
export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** A list in ascending order whose ranges do not overlap; neighbours may touch. */
export type AscendingRanges<Range extends AddressRange = AddressRange> = readonly Range[];

/** What of `ranges` lies in `window`, cut to it. */
export function within(ranges: AscendingRanges, window: AddressRange): AddressRange[] {
  const found: AddressRange[] = [];
  for (let at = firstEndingAfter(ranges, window.start); at < ranges.length; at++) {
    const range = ranges[at]!;
    if (range.start >= window.end) break;
    found.push({
      start: range.start > window.start ? range.start : window.start,
      end: range.end < window.end ? range.end : window.end,
    });
  }
  return found;
}

/** What of `window` is in none of `ranges`. */
export function gapsIn(ranges: AscendingRanges, window: AddressRange): AddressRange[] {
  const gaps: AddressRange[] = [];
  let at = window.start;
  for (const { start, end } of within(ranges, window)) {
    if (start > at) gaps.push({ start: at, end: start });
    at = end;
  }
  if (at < window.end) gaps.push({ start: at, end: window.end });
  return gaps;
}

/** Both lists in one; what touches or overlaps becomes one range. */
export function union(ranges: readonly AddressRange[]): AddressRange[] {
  const sorted = ranges.toSorted(byStart);
  const joined: { start: bigint; end: bigint }[] = [];
  for (const { start, end } of sorted) {
    const last = joined.at(-1);
    if (last === undefined || start > last.end) joined.push({ start, end });
    else if (end > last.end) last.end = end;
  }
  return joined;
}

/** Whole pages around each range; ranges that then share a page become one. */
export function wholePages(ranges: AscendingRanges, pageSize: number): AddressRange[] {
  const mask = BigInt(pageSize) - 1n;
  return union(ranges.map(({ start, end }) => ({ start: start & ~mask, end: (end + mask) & ~mask })));
}

export function byStart(one: AddressRange, other: AddressRange): number {
  return one.start < other.start ? -1 : one.start > other.start ? 1 : 0;
}

export function totalBytes(ranges: readonly AddressRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + Number(end - start), 0);
}

/** Position of the first range that ends after `address`. */
export function firstEndingAfter(ranges: AscendingRanges, address: bigint): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]!.end <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}
