import type { AddressRange } from './ranges.ts';

/** Walking so much memory once more costs as much as another call. */
const PASS_OVER_BYTES = 16 * 1024 * 1024;

/**
 * Few windows that contain all `wanted` ranges: between two of them, mapped memory that nobody asked about is passed over with the rest
 * while it is little. Unmapped memory costs nothing to pass over.
 *
 * @param wanted Ascending.
 * @param mapped Ascending: all that is mapped.
 */
export function scanWindows(
  wanted: readonly AddressRange[],
  mapped: readonly AddressRange[],
): AddressRange[] {
  const windows: { start: bigint; end: bigint }[] = [];
  let at = 0;
  for (const { start, end } of wanted) {
    const last = windows.at(-1);
    if (last === undefined) {
      windows.push({ start, end });
      continue;
    }
    while (at < mapped.length && mapped[at]!.end <= last.end) at += 1;
    if (mappedBytes(mapped, at, last.end, start) <= PASS_OVER_BYTES) last.end = end;
    else windows.push({ start, end });
  }
  return windows;
}

/** Counts no further than needed. */
function mappedBytes(mapped: readonly AddressRange[], from: number, start: bigint, end: bigint): number {
  let bytes = 0;
  for (let at = from; at < mapped.length && bytes <= PASS_OVER_BYTES; at++) {
    const range = mapped[at]!;
    if (range.start >= end) break;
    bytes += Number((range.end < end ? range.end : end) - (range.start > start ? range.start : start));
  }
  return bytes;
}
