import type { PackingNumbers } from '@stillframe/snapshot';
import { showBytes, showCount, showMs } from './units.ts';

/** Bytes and time of a stream; packed, its rate is that of the memory that went through it. */
export function streamText(
  bytes: number,
  streamMs: number,
  { compression, dataBytes }: PackingNumbers,
): string {
  const isPacked = compression !== 'none';
  const rate = ((isPacked ? dataBytes : bytes) / Math.max(streamMs, 0.001)) * 1000;
  return `${showBytes(bytes)} in ${showMs(streamMs)}, ${showBytes(rate)}/s${isPacked ? ' of memory' : ''}`;
}

/** How the pages of a picture travelled; nothing where they went as they were. */
export function packingRows(packing: PackingNumbers): [string, string][] {
  const { compression, dataBytes, storedBytes, ratio, pagesByKind } = packing;
  const rows: [string, string][] = [];
  if (compression !== 'none') {
    rows.push([
      'compression',
      `${compression}: ${showBytes(dataBytes)} became ${showBytes(storedBytes)}, ${ratio.toFixed(1)} times smaller; ${showCount(pagesByKind.data)} pages as they were`,
    ]);
  }
  if (packing.sameAsPages > 0) {
    rows.push(['same as', `${showCount(packing.sameAsPages)} pages are the same as earlier ones`]);
  }
  if (packing.isIncrement) {
    rows.push([
      'increment',
      `${showCount(packing.inheritedPages)} pages as in the parent${packing.deltaPages === 0 ? '' : `; of ${showCount(packing.deltaPages)} others the difference`}`,
    ]);
  }
  return rows;
}
