import { MAX_REGIONS } from '@stillframe/page-stream';
import { type Dispose, dispositions, type DispositionOptions, findAliases } from './disposition.ts';
import { ProcessGuestError } from './error.ts';
import { type Extent, type ExtentSeed, mergeExtents } from './extents.ts';
import { isShared, type Mapping, sizeOf } from './mapping.ts';
import { type MappingPlan, type MappingPlanOptions, planMapping } from './mapping-plan.ts';
import type { PopulatedRange, PopulatedScan } from './populated.ts';
import { type AddressRange, gapsIn, totalBytes, union, within } from './ranges.ts';
import { scanWindows } from './scan-windows.ts';

/** What is to be captured of an address space, and how. */
export interface CapturePlan {
  /** Regions of the capture engine, ascending. */
  readonly armed: readonly Extent[];
  /** The whole mappings that these are in, ascending; together with what touches them and could be armed as well. */
  readonly registered: readonly AddressRange[];
  /** Copied while the process stands still, ascending; they become the regions after the armed ones. */
  readonly copied: readonly AddressRange[];
}

export interface PlannerOptions extends DispositionOptions, MappingPlanOptions {
  /** Bound on what is copied during the pause, in bytes. */
  readonly copyMaxBytes: number;
  /** Bound on regions; MAX_REGIONS of the page stream by default. */
  readonly maxRegions?: number;
  readonly scan: PopulatedScan;
}

export const NOTHING: CapturePlan = { armed: [], registered: [], copied: [] };

/**
 * Decides what is captured: at leisure while the process runs (`plan`), and at the cut (`planAtCut`), when it looks only at what may be
 * different: mappings that are new, pages that came to be, and what cannot be armed.
 *
 * Both throw ProcessGuestError PROCESS_COPY_TOO_LARGE, PROCESS_TOO_FRAGMENTED, PROCESS_SPARSE_SHARED_MEMORY, PROCESS_UNSUPPORTED.
 */
export class CapturePlanner {
  readonly #options: PlannerOptions;
  readonly #dispose: Dispose;
  /** Of the last plan. Mappings that are the same are the same object. */
  #pieces: ReadonlyMap<Mapping, MappingPlan> = new Map();
  #armed: readonly Extent[] = [];
  /** Where pages may come to be that are not armed. */
  #windows: readonly AddressRange[] = [];

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#dispose = dispositions(options);
  }

  /** @param mappings Ascending. */
  plan(mappings: readonly Mapping[]): CapturePlan {
    const disposition = this.#disposer(mappings);
    const windows = scanWindows(
      mappings.filter((mapping) => mayGainPages(disposition(mapping))),
      mappings,
    );
    const populated = new Cursor(windows.flatMap((window) => this.#options.scan(window)));
    const pieces = mappings.map((mapping) =>
      planMapping(mapping, disposition(mapping), populated.within(mapping), [], this.#options),
    );
    const plan = this.#compose(mappings, pieces);
    this.#remember(mappings, pieces, plan);
    return plan;
  }

  /** After `plan`, whose armed pages are armed or registered already. */
  planAtCut(mappings: readonly Mapping[]): CapturePlan {
    const disposition = this.#disposer(mappings);
    const fresh = mappings.filter((mapping) => !this.#pieces.has(mapping));
    const windows = scanWindows(
      union([...this.#windows, ...fresh.filter((mapping) => mayGainPages(disposition(mapping)))]),
      mappings,
    );
    const unarmed = new Cursor(windows.flatMap((window) => this.#options.scan(window, { unarmed: true })));
    const pieces = mappings.map((mapping) => {
      const found = unarmed.within(mapping);
      const before = this.#pieces.get(mapping);
      const isSame = before?.disposition === 'arm' || before?.disposition === 'none';
      if (isSame && found.length === 0 && !isShared(mapping)) return before;
      return planMapping(mapping, disposition(mapping), found, this.#armed, this.#options);
    });
    return this.#compose(mappings, pieces);
  }

  #disposer(mappings: readonly Mapping[]): (mapping: Mapping) => MappingPlan['disposition'] {
    const aliases = findAliases(mappings);
    return (mapping) => this.#dispose(mapping, aliases);
  }

  #compose(mappings: readonly Mapping[], pieces: readonly MappingPlan[]): CapturePlan {
    const copied = union(pieces.flatMap((piece) => piece.copied));
    this.#checkCopied(copied, mappings);
    const maxRegions = (this.#options.maxRegions ?? MAX_REGIONS) - copied.length;
    const armed = mergeExtents(
      pieces.flatMap(({ seeds }) => seeds),
      maxRegions,
    );
    return { armed, registered: touching(mappings, pieces), copied };
  }

  #remember(
    mappings: readonly Mapping[],
    pieces: readonly MappingPlan[],
    { armed }: Pick<CapturePlan, 'armed'>,
  ): void {
    const armedPieces = pieces.map((piece, at) =>
      piece.disposition === 'arm' ? { ...piece, seeds: mergedSeeds(mappings[at]!, piece, armed) } : piece,
    );
    this.#pieces = new Map(mappings.map((mapping, at) => [mapping, armedPieces[at]!]));
    this.#armed = armed;
    const wanted = mappings.flatMap((mapping, at): readonly AddressRange[] => {
      const { disposition } = pieces[at]!;
      if (disposition === 'arm') return gapsIn(armed, mapping);
      return mayGainPages(disposition) ? [mapping] : [];
    });
    this.#windows = scanWindows(wanted, mappings);
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
}

/** Whether pages of such a mapping are to be found by a scan. */
function mayGainPages(disposition: MappingPlan['disposition']): boolean {
  return disposition === 'arm' || disposition === 'copy-parts';
}

/** The seeds as they grew together with others. */
function mergedSeeds(mapping: Mapping, { seeds }: MappingPlan, armed: readonly Extent[]): ExtentSeed[] {
  const { pageSize } = mapping;
  const all = new Map(seeds.map((seed) => [seed.bounds.start, seed.bounds]));
  return [...all.values()].flatMap((bounds) =>
    within(armed, bounds).map(({ start, end }) => ({ start, end, pageSize, bounds })),
  );
}

/** Runs of mappings that can be armed, with pages of one size, of which something is. */
function touching(mappings: readonly Mapping[], pieces: readonly MappingPlan[]): AddressRange[] {
  const runs: { start: bigint; end: bigint; pageSize: number; hasSeeds: boolean }[] = [];
  for (const [at, { disposition, seeds }] of pieces.entries()) {
    if (disposition !== 'arm') continue;
    const { start, end, pageSize } = mappings[at]!;
    const hasSeeds = seeds.length > 0;
    const last = runs.at(-1);
    if (last === undefined || last.end !== start || last.pageSize !== pageSize) {
      runs.push({ start, end, pageSize, hasSeeds });
      continue;
    }
    last.end = end;
    last.hasSeeds ||= hasSeeds;
  }
  return runs.filter(({ hasSeeds }) => hasSeeds);
}

/** Walks along ranges while mappings are asked about in ascending order. */
class Cursor {
  readonly #ranges: readonly PopulatedRange[];
  #at = 0;

  /** Ascending. */
  constructor(ranges: readonly PopulatedRange[]) {
    this.#ranges = ranges;
  }

  /** Those that reach into the mapping. */
  within({ start, end }: AddressRange): readonly PopulatedRange[] {
    const ranges = this.#ranges;
    while (this.#at < ranges.length && ranges[this.#at]!.end <= start) this.#at += 1;
    let to = this.#at;
    while (to < ranges.length && ranges[to]!.start < end) to += 1;
    return to === this.#at ? NO_RANGES : ranges.slice(this.#at, to);
  }
}

const NO_RANGES: readonly PopulatedRange[] = [];
