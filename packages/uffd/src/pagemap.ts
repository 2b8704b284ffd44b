import { openSync } from 'node:fs';
import native from '#native';
import { type PageCategory, pageCategories } from './abi.ts';
import { argumentError, checked } from './errors.ts';
import { type MemoryRange, toFd, toInteger, toPageRange } from './range.ts';

export interface PagemapScanOptions {
  /** Pages that have all of these. Default none asked. */
  readonly all?: readonly PageCategory[];
  /** Pages that have at least one of these. Default none asked. */
  readonly any?: readonly PageCategory[];
  /** Of the categories in `all` and `any`: those that a page must lack instead. Default none. */
  readonly inverted?: readonly PageCategory[];
  /** What to tell of each region; pages that differ in these are in different regions. Default those in `all` and `any`. */
  readonly report?: readonly PageCategory[];
  /** Size of the answer. 0 with `writeProtectMatching`: only protect. Default 1024. */
  readonly maxRegions?: number;
  /** Stop after so many matching pages. Default 0: no limit. */
  readonly maxPages?: number;
  /** Arm each matching page in the same step (ranges registered with WP and WP_ASYNC). Default false. */
  readonly writeProtectMatching?: boolean;
  /** Fail with UFFD_EPERM where a mapping is not registered for asynchronous write protection, instead of passing over it. Default false. */
  readonly checkWpAsync?: boolean;
}

export interface PageRegion {
  readonly address: bigint;
  readonly sizeBytes: number;
  readonly categories: readonly PageCategory[];
}

export interface PagemapScan {
  readonly regions: readonly PageRegion[];
  /** Where the scan stopped: the end of the range, or earlier when the answer was full; go on from there. */
  readonly walkEnd: bigint;
}

const REGIONS_DEFAULT = 1024;
/** A bound on the answer's buffer: 24 MiB. */
const REGIONS_MAX = 1 << 20;

// Words of struct pm_scan_arg and struct page_region.
const ARG_WORDS = 12;
const ARG_WALK_END = 4;
const REGION_WORDS = 3;

const WP_MATCHING = 1n;
const CHECK_WPASYNC = 2n;

/** The pagemap of a process, for `pagemapScan`; the caller's to close. Throws Node's own error. */
export function openPagemap(pid: number | 'self' = 'self'): number {
  return openSync(`/proc/${pid === 'self' ? pid : toInteger(pid, 'pid', 1, 0x7fff_ffff)}/pagemap`, 'r');
}

/**
 * Finds pages by what the kernel knows of them (PAGEMAP_SCAN, Linux 6.7), and arms them in the same step if asked to. The addresses are
 * those of the process whose pagemap it is.
 *
 * Kernels before the fixes of July 2026 pass over parts that were discarded: `probe().pagemapScan` tells.
 *
 * @throws UffdError UFFD_ENOTTY where the kernel does not have it.
 */
export function pagemapScan(
  pagemapFd: number,
  range: MemoryRange,
  options: PagemapScanOptions = {},
): PagemapScan {
  const { address, sizeBytes } = toPageRange(range, 'range');
  const { all = [], any = [], inverted = [], report = [...all, ...any] } = options;
  const maxRegions = toInteger(options.maxRegions ?? REGIONS_DEFAULT, 'maxRegions', 0, REGIONS_MAX);
  const maxPages = toInteger(options.maxPages ?? 0, 'maxPages', 0, Number.MAX_SAFE_INTEGER);
  const protect = options.writeProtectMatching ?? false;
  if (maxRegions === 0 && !protect) {
    throw argumentError(RangeError, 'maxRegions: 0 is only for writeProtectMatching');
  }
  const words = new BigUint64Array(ARG_WORDS);
  // The addon fills in size, vec and vec_len.
  words.set([0n, (protect ? WP_MATCHING : 0n) | (options.checkWpAsync === true ? CHECK_WPASYNC : 0n)]);
  words.set([address, address + sizeBytes], 2);
  words.set(
    [
      BigInt(maxPages),
      pageCategories.maskOf(inverted),
      pageCategories.maskOf(all),
      pageCategories.maskOf(any),
      pageCategories.maskOf(report),
    ],
    7,
  );
  const found = new BigUint64Array(maxRegions * REGION_WORDS);
  const count = checked(
    native.pagemapScan(toFd(pagemapFd, 'pagemapFd'), words, found),
    'ioctl(PAGEMAP_SCAN)',
    { address, sizeBytes, all, any, inverted, report },
  );
  return { regions: decodeRegions(found, count), walkEnd: words[ARG_WALK_END] ?? 0n };
}

function decodeRegions(words: BigUint64Array, count: number): PageRegion[] {
  return Array.from({ length: count }, (_, index) => {
    const [start = 0n, end = 0n, categories = 0n] = words.subarray(index * REGION_WORDS);
    return {
      address: start,
      sizeBytes: Number(end - start),
      categories: pageCategories.namesIn(categories),
    };
  });
}
