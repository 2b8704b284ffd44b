import type { PackingNumbers } from '@stillframe/snapshot';
import { showBytes, showCount } from './units.ts';

/** How the pages of a picture travelled; nothing where they went as they were. */
export function packingRows(packing: PackingNumbers): [string, string][] {
  const { compression, dataBytes, storedBytes, ratio, pagesByKind } = packing;
  const rows: [string, string][] = [];
  if (compression !== 'none') {
    rows.push([
      'compression',
      `${compression}: ${showBytes(dataBytes)} became ${showBytes(storedBytes)}, ${ratio.toFixed(2)} times less; ${showCount(pagesByKind.data)} pages as they were`,
    ]);
  }
  if (packing.sameAsPages > 0) {
    rows.push(['same as', `${showCount(packing.sameAsPages)} pages are the same as earlier ones`]);
  }
  if (packing.isIncrement) {
    rows.push([
      'increment',
      `${showCount(packing.inheritedPages)} pages as in the parent; of ${showCount(packing.deltaPages)} others the difference`,
    ]);
  }
  return rows;
}
