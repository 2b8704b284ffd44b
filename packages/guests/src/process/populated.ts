import { type PageCategory, pagemapScan, UffdError } from '@stillframe/uffd';
import { ProcessGuestError } from './error.ts';
import type { AddressRange } from './ranges.ts';

/** Neighbouring pages that exist, in memory or swapped out. */
export interface PopulatedRange extends AddressRange {
  /** In the page cache of a file (or of shared memory), not a private copy. */
  readonly isFile: boolean;
  /** Guard pages (MADV_GUARD_INSTALL): they have no content, and reading them fails. */
  readonly isGuard: boolean;
}

/** Finds the pages of `window` that exist, in ascending order; only those that are not armed, if `unarmed`. */
export type PopulatedScan = (
  window: AddressRange,
  options?: { readonly unarmed?: boolean },
) => PopulatedRange[];

const EXISTS: readonly PageCategory[] = ['PRESENT', 'SWAPPED'];
const UNARMED: readonly PageCategory[] = ['WRITTEN'];
const NONE: readonly PageCategory[] = [];
/** 1.5 MiB of answer: a process with more runs of pages takes several calls. */
const RANGES_PER_CALL = 65_536;

/**
 * PAGEMAP_SCAN over part of the address space.
 *
 * Armed pages that do not exist look as if swapped out, so once anything is armed only `unarmed` tells the truth: what is armed, and only
 * that, counts as not written to.
 *
 * @param pagemapFd Of /proc/PID/pagemap.
 */
export function populatedScan(pagemapFd: number): PopulatedScan {
  // Linux before 6.15 has no guard category, and refuses the name of what it does not know.
  let report: readonly PageCategory[] = ['FILE', 'GUARD'];
  const scan = (start: bigint, end: bigint, all: readonly PageCategory[]) =>
    pagemapScan(
      pagemapFd,
      { address: start, sizeBytes: end - start },
      { all, any: EXISTS, report, maxRegions: RANGES_PER_CALL },
    );
  return ({ start, end }, { unarmed = false } = {}) => {
    const all = unarmed ? UNARMED : NONE;
    const found: PopulatedRange[] = [];
    let at = start;
    while (at < end) {
      let answer: ReturnType<typeof scan>;
      try {
        answer = scan(at, end, all);
      } catch (error) {
        if (isRefused(error) && report.length === 2) {
          report = ['FILE'];
          continue;
        }
        throw asUnsupported(error);
      }
      for (const { address, sizeBytes, categories } of answer.regions) {
        found.push({
          start: address,
          end: address + BigInt(sizeBytes),
          isFile: categories.includes('FILE'),
          isGuard: categories.includes('GUARD'),
        });
      }
      if (answer.walkEnd <= at) break;
      at = answer.walkEnd;
    }
    return found;
  };
}

function isRefused(error: unknown): boolean {
  return error instanceof UffdError && error.code === 'UFFD_EINVAL';
}

function asUnsupported(error: unknown): unknown {
  if (!(error instanceof UffdError) || error.code !== 'UFFD_ENOTTY') return error;
  return new ProcessGuestError('PROCESS_UNSUPPORTED', 'the kernel has no PAGEMAP_SCAN', { cause: error });
}
