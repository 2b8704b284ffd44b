import { PageStreamError } from './error.ts';
import { INDEX_TYPE } from './frame-header.ts';
import { INDEX_TAIL_BYTES, type IndexEntry, readIndexPart, readIndexTail } from './layout/index-part.ts';
import { MAX_INDEX_ENTRIES } from './limits.ts';
import { PageMap } from './page-map.ts';
import type { RegionEntry } from './page-run.ts';
import { frameEnd, type StoredFrames } from './stored-frames.ts';

/** The places that an index may name: between the guest state and the index itself. */
interface Bounds {
  readonly pagesStart: number;
  readonly endOffset: number;
}

/**
 * The map that the index at the end of an image gives; undefined when there is no index, `damaged` when what is there cannot be used.
 * Reads nothing because of what an index says before its own checksums and limits were right (FORMAT.md, "Random access").
 */
export function readIndex(
  frames: StoredFrames,
  regions: readonly RegionEntry[],
  bounds: Bounds,
): PageMap | 'damaged' | undefined {
  const tailAt = bounds.endOffset - INDEX_TAIL_BYTES;
  if (tailAt < bounds.pagesStart) return undefined;
  const start = readIndexTail(frames.bytes(tailAt, INDEX_TAIL_BYTES));
  if (start === undefined) return undefined;
  try {
    return readParts(frames, regions, { ...bounds, start });
  } catch (error) {
    if (error instanceof PageStreamError) return 'damaged';
    throw error;
  }
}

function readParts(
  frames: StoredFrames,
  regions: readonly RegionEntry[],
  bounds: Bounds & { readonly start: number },
): PageMap | 'damaged' {
  const { pagesStart, endOffset, start } = bounds;
  // A number above 2^53 fails here as well.
  if (!(start >= pagesStart && start < endOffset)) return 'damaged';
  const map = new PageMap();
  let last: IndexEntry | undefined;
  let parts = 0;
  let offset = start;
  for (; offset < endOffset; parts++) {
    const header = frames.header(offset);
    if (header.type !== INDEX_TYPE) return 'damaged';
    const { part, partCount, entries } = readIndexPart(frames.payload(header));
    offset = frameEnd(header);
    if (part !== parts || partCount <= part || (offset === endOffset) !== (part + 1 === partCount))
      return 'damaged';
    for (const entry of entries) {
      if (!isPlausible(entry, last, regions, bounds)) return 'damaged';
      if (map.length >= MAX_INDEX_ENTRIES) return 'damaged';
      map.add(entry.region, entry.firstPage, entry.pageCount, entry.frameOffset);
      last = entry;
    }
  }
  map.sort();
  return offset === endOffset && map.firstGap(regions) === undefined ? map : 'damaged';
}

/** In itself and behind the entry before it; whether it is right only the frame can tell. */
function isPlausible(
  { region, firstPage, pageCount, frameOffset }: IndexEntry,
  last: IndexEntry | undefined,
  regions: readonly RegionEntry[],
  { pagesStart, start }: { readonly pagesStart: number; readonly start: number },
): boolean {
  const entry = regions[region];
  if (entry === undefined || pageCount === 0) return false;
  if (firstPage > entry.sizeBytes / entry.pageSize - pageCount) return false;
  if (frameOffset < pagesStart || frameOffset >= start || frameOffset % 8 !== 0) return false;
  if (last === undefined || last.region < region) return true;
  return last.region === region && last.firstPage + last.pageCount <= firstPage;
}
