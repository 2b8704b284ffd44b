import { MAX_REGIONS } from '@stillframe/page-stream';
import {
  type Dispose,
  dispositions,
  type DispositionOptions,
  findAliases,
  mayHaveElfHeader,
} from './disposition.ts';
import { ProcessGuestError } from './error.ts';
import { type Extent, type ExtentSeed, mergeExtents } from './extents.ts';
import { type Mapping, isShared, sizeOf } from './mapping.ts';
import type { PopulatedRange, PopulatedScan } from './populated.ts';
import { type AddressRange, byStart, gapsIn, totalBytes, union, wholePages, within } from './ranges.ts';
import { scanWindows } from './scan-windows.ts';

/** What is to be captured of an address space, and how. */
export interface CapturePlan {
  /** Regions of the capture engine, ascending. */
  readonly armed: readonly Extent[];
  /** The whole mappings that these are in, ascending; those that touch are one. */
  readonly registered: readonly AddressRange[];
  /** Copied while the process stands still, ascending; they become the regions after the armed ones. */
  readonly copied: readonly AddressRange[];
}

export interface PlannerOptions extends DispositionOptions {
  readonly basePageSize: number;
  /** Bound on what is copied during the pause, in bytes. */
  readonly copyMaxBytes: number;
  /** Bound on regions; MAX_REGIONS of the page stream by default. */
  readonly maxRegions?: number;
  readonly scan: PopulatedScan;
  /** Whether the mapping starts as an ELF file does. */
  readonly isElf: (mapping: Mapping) => boolean;
  /** The parts of a shared mapping that its file has pages for; undefined when that cannot be told. */
  readonly sharedData: (mapping: Mapping) => readonly AddressRange[] | undefined;
}

/** A private file mapping of which something was written is taken whole up to here: .data of a library, which a reader wants in one piece. */
const WHOLE_FILE_MAPPING_BYTES = 1024 * 1024;

/** Written pages of a larger one are put together across gaps up to here; the gaps are read from the file like the rest. */
const WRITTEN_GAP_BYTES = 64 * 1024;

/** Where pages cannot be told apart from holes, a shared mapping up to here is taken whole; 1 GiB costs 2 MiB of page tables. */
const WHOLE_SHARED_MAPPING_BYTES = 2 ** 30;

/** Decides what is captured: at `open`, and again at the cut. */
export class CapturePlanner {
  readonly #options: PlannerOptions;
  readonly #dispose: Dispose;

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#dispose = dispositions(options);
  }

  /**
   * @param covered Armed already, or registered to be: not scanned again, but kept as far as it is still there.
   * @throws ProcessGuestError PROCESS_COPY_TOO_LARGE, PROCESS_TOO_FRAGMENTED, PROCESS_SPARSE_SHARED_MEMORY, PROCESS_UNSUPPORTED.
   */
  plan(mappings: readonly Mapping[], covered: readonly Extent[] = []): CapturePlan {
    const aliases = findAliases(mappings);
    const armed: Mapping[] = [];
    const parts: Mapping[] = [];
    const copied: AddressRange[] = [];
    for (const mapping of mappings) {
      const disposition = this.#dispose(mapping, aliases);
      if (disposition === 'arm') armed.push(mapping);
      else if (disposition === 'copy-parts') parts.push(mapping);
      else if (disposition === 'copy') copied.push({ start: mapping.start, end: mapping.end });
    }
    const populated = this.#scan(mappings, armed, parts, covered);
    for (const mapping of parts) copied.push(...this.#partsOf(mapping, populated));
    const joined = union(copied);
    this.#checkCopied(joined, mappings);
    const seeds: ExtentSeed[] = [];
    const touched: Mapping[] = [];
    for (const mapping of armed) {
      const found = this.#seedsOf(mapping, populated, covered);
      if (found.length > 0) touched.push(mapping);
      seeds.push(...found);
    }
    const maxRegions = (this.#options.maxRegions ?? MAX_REGIONS) - joined.length;
    return { armed: mergeExtents(seeds, maxRegions), registered: touching(touched), copied: joined };
  }

  #scan(
    mappings: readonly Mapping[],
    armed: readonly Mapping[],
    parts: readonly Mapping[],
    covered: readonly Extent[],
  ): PopulatedRange[] {
    const wantsWritten = this.#options.filter.includes('anonymous');
    const wanted = armed.flatMap((mapping) => gapsIn(covered, mapping));
    if (wantsWritten) wanted.push(...parts);
    return scanWindows(wanted.toSorted(byStart), mappings).flatMap((window) => this.#options.scan(window));
  }

  #partsOf(mapping: Mapping, populated: readonly PopulatedRange[]): AddressRange[] {
    const { filter, basePageSize, isElf } = this.#options;
    const found: AddressRange[] = [];
    if (filter.includes('elf-headers') && mayHaveElfHeader(mapping) && isElf(mapping)) {
      found.push({ start: mapping.start, end: mapping.start + BigInt(basePageSize) });
    }
    if (!filter.includes('anonymous')) return found;
    const written = overlapping(populated, mapping).filter(isWritten);
    if (written.length === 0) return found;
    if (sizeOf(mapping) <= WHOLE_FILE_MAPPING_BYTES) return [{ start: mapping.start, end: mapping.end }];
    for (const range of within(written, mapping)) {
      const last = found.at(-1);
      if (last !== undefined && range.start - last.end <= WRITTEN_GAP_BYTES) {
        found[found.length - 1] = { start: last.start, end: range.end };
      } else found.push(range);
    }
    return found;
  }

  #checkCopied(copied: readonly AddressRange[], mappings: readonly Mapping[]): void {
    const { copyMaxBytes } = this.#options;
    const bytes = totalBytes(copied);
    if (bytes <= copyMaxBytes) return;
    const largest = copied.toSorted((one, other) => sizeOf(other) - sizeOf(one))[0]!;
    const path = mappings.find(({ end }) => end > largest.start)?.path ?? '';
    throw new ProcessGuestError(
      'PROCESS_COPY_TOO_LARGE',
      `${bytes} bytes cannot be armed and would be copied during the pause; copyMaxBytes is ${copyMaxBytes}. ` +
        `The largest part is ${sizeOf(largest)} bytes of ${path === '' ? 'memory without a name' : path}`,
      { operands: { bytes, copyMaxBytes, path } },
    );
  }

  #seedsOf(mapping: Mapping, populated: readonly PopulatedRange[], covered: readonly Extent[]): ExtentSeed[] {
    const found = overlapping(populated, mapping);
    const guards = within(
      found.filter(({ isGuard }) => isGuard),
      mapping,
    );
    const exists = isShared(mapping) ? this.#sharedData(mapping) : found.filter(({ isGuard }) => !isGuard);
    const known = within(covered, mapping);
    const fresh = gapsIn(known, mapping).flatMap((gap) => within(exists, gap));
    // Page by page of this mapping: its ends are multiples of its page.
    const seeds = wholePages(union([...known, ...fresh]), mapping.pageSize);
    return gapsIn(guards, mapping).flatMap((bounds) =>
      within(seeds, bounds).map(({ start, end }) => ({ start, end, pageSize: mapping.pageSize, bounds })),
    );
  }

  /** Pages of shared memory may exist that this process has not mapped in yet, so its page tables do not tell. */
  #sharedData(mapping: Mapping): readonly AddressRange[] {
    const whole = [{ start: mapping.start, end: mapping.end }];
    if (mapping.kind === 'hugetlb') return whole;
    const data = this.#options.sharedData(mapping);
    if (data !== undefined) return union(data);
    if (sizeOf(mapping) <= WHOLE_SHARED_MAPPING_BYTES) return whole;
    throw new ProcessGuestError(
      'PROCESS_SPARSE_SHARED_MEMORY',
      `the pages of ${mapping.path} cannot be told from its holes, and ${sizeOf(mapping)} bytes are too many to take whole`,
      { operands: { path: mapping.path, bytes: sizeOf(mapping) } },
    );
  }
}

/** Runs of mappings with pages of one size. */
function touching(mappings: readonly Mapping[]): AddressRange[] {
  const runs: { start: bigint; end: bigint; pageSize: number }[] = [];
  for (const { start, end, pageSize } of mappings) {
    const last = runs.at(-1);
    if (last !== undefined && last.end === start && last.pageSize === pageSize) last.end = end;
    else runs.push({ start, end, pageSize });
  }
  return runs;
}

function isWritten({ isFile, isGuard }: PopulatedRange): boolean {
  return !isFile && !isGuard;
}

/** Those that reach into the mapping; `populated` ascends, windows do not overlap. */
function overlapping(populated: readonly PopulatedRange[], { start, end }: Mapping): PopulatedRange[] {
  let low = 0;
  let high = populated.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (populated[middle]!.end <= start) low = middle + 1;
    else high = middle;
  }
  const found: PopulatedRange[] = [];
  for (let at = low; at < populated.length && populated[at]!.start < end; at++) found.push(populated[at]!);
  return found;
}
