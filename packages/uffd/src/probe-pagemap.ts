import { madvise, mmap, munmap } from './memory.ts';
import { openPagemap, type PageRegion, pagemapScan } from './pagemap.ts';
import { closeFd } from './process.ts';
import { type MemoryRange, pageSize } from './range.ts';
import type { Userfaultfd } from './userfaultfd.ts';

/** What PAGEMAP_SCAN got right on memory of which we know what happened to it. */
export interface ScanSelfTest {
  readonly writtenReported: boolean;
  readonly cleanOmitted: boolean;
  /** Arming in the same step made the next scan empty. */
  readonly rearmed: boolean;
  /** A single page that was discarded counts as written. */
  readonly discardedPageReported: boolean;
  /** So does a run so long that its page table may be gone. */
  readonly discardedRunReported: boolean;
}

/** What one page table covers: with 4 KiB pages, 2 MiB; with 64 KiB pages, 512 MiB, hence the sparse use. */
const tableBytes = (pageSize / 8) * pageSize;

// Offsets in pages of an area of three tables, chosen apart from each other.
const PAGES_PER_TABLE = pageSize / 8;
const DISCARDED_PAGE = 3;
const CLEAN_PAGE = 5;
const DISCARDED_RUN = PAGES_PER_TABLE;
const WRITTEN_PAGE = 2 * PAGES_PER_TABLE + 7;

/**
 * Writes and discards parts of a tracked area and compares what a scan says.
 * @param tracker With the features WP_ASYNC and WP_UNPOPULATED: nothing here can block.
 */
export function scanSelfTest(tracker: Userfaultfd): ScanSelfTest {
  // One table more, so that three whole ones fit wherever it begins.
  const sizeBytes = 4 * tableBytes;
  const address = mmap({ sizeBytes, flags: ['PRIVATE', 'ANONYMOUS', 'NORESERVE'] });
  const table = BigInt(tableBytes);
  const area = { address: ((address + table - 1n) / table) * table, sizeBytes: 3 * tableBytes };
  try {
    const pagemap = openPagemap();
    try {
      tracker.register(area, ['WP']);
      return observe(tracker, pagemap, area);
    } finally {
      closeFd(pagemap);
    }
  } finally {
    munmap({ address, sizeBytes });
  }
}

function observe(tracker: Userfaultfd, pagemap: number, area: MemoryRange): ScanSelfTest {
  for (const page of [DISCARDED_PAGE, CLEAN_PAGE, DISCARDED_RUN, WRITTEN_PAGE]) touch(area, page);
  tracker.writeProtect(area);
  touch(area, WRITTEN_PAGE);
  madvise(pages(area, DISCARDED_PAGE, 1), 'DONTNEED');
  madvise(pages(area, DISCARDED_RUN, PAGES_PER_TABLE), 'DONTNEED');

  const written = scan(pagemap, area);
  const has = (page: number, count = 1): boolean => {
    const wanted = pages(area, page, count);
    return written.some(
      (region) =>
        region.address <= wanted.address &&
        region.address + BigInt(region.sizeBytes) >= wanted.address + BigInt(wanted.sizeBytes),
    );
  };
  return {
    writtenReported: has(WRITTEN_PAGE),
    cleanOmitted: !has(CLEAN_PAGE),
    rearmed: scan(pagemap, area).length === 0,
    discardedPageReported: has(DISCARDED_PAGE),
    discardedRunReported: has(DISCARDED_RUN, PAGES_PER_TABLE),
  };
}

/** A write fault without a write. */
function touch(area: MemoryRange, page: number): void {
  madvise(pages(area, page, 1), 'POPULATE_WRITE');
}

/** The plain form, the only one to rely on: mask and report are WRITTEN. */
function scan(pagemap: number, area: MemoryRange): readonly PageRegion[] {
  const options = { all: ['WRITTEN'], writeProtectMatching: true, checkWpAsync: true } as const;
  return pagemapScan(pagemap, area, options).regions;
}

function pages(area: MemoryRange, index: number, count: number): { address: bigint; sizeBytes: number } {
  return { address: area.address + BigInt(index * pageSize), sizeBytes: count * pageSize };
}
