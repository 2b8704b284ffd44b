import { type Disposition, mayHaveElfHeader } from './disposition.ts';
import type { FilterName } from './dump-filter.ts';
import { ProcessGuestError } from './error.ts';
import type { ExtentSeed } from './extents.ts';
import { isShared, type Mapping, sizeOf } from './mapping.ts';
import type { PopulatedRange } from './populated.ts';
import { type AddressRange, type AscendingRanges, gapsIn, union, wholePages, within } from './ranges.ts';

/** What becomes of one mapping. */
export interface MappingPlan {
  readonly disposition: Disposition;
  /** Pages to be armed. */
  readonly seeds: readonly ExtentSeed[];
  /** Parts to be copied. */
  readonly copied: readonly AddressRange[];
}

export interface MappingPlanOptions {
  readonly filter: readonly FilterName[];
  readonly basePageSize: number;
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

/**
 * @param found What exists in this mapping, as far as it was scanned; may reach beyond it.
 * @param covered Armed or registered already: kept as far as it is in this mapping.
 */
export function planMapping(
  mapping: Mapping,
  disposition: Disposition,
  found: readonly PopulatedRange[],
  covered: AscendingRanges,
  options: MappingPlanOptions,
): MappingPlan {
  const plan = { disposition, seeds: [], copied: [] };
  if (disposition === 'arm') return { ...plan, seeds: seedsOf(mapping, found, covered, options) };
  if (disposition === 'copy') return { ...plan, copied: [{ start: mapping.start, end: mapping.end }] };
  if (disposition === 'copy-parts') return { ...plan, copied: partsOf(mapping, found, options) };
  return plan;
}

function partsOf(
  mapping: Mapping,
  populated: readonly PopulatedRange[],
  { filter, basePageSize, isElf }: MappingPlanOptions,
): AddressRange[] {
  const parts: AddressRange[] = [];
  if (filter.includes('elf-headers') && mayHaveElfHeader(mapping) && isElf(mapping)) {
    parts.push({ start: mapping.start, end: mapping.start + BigInt(basePageSize) });
  }
  if (!filter.includes('anonymous')) return parts;
  const written = populated.filter(({ isFile, isGuard }) => !isFile && !isGuard);
  if (written.length === 0) return parts;
  if (sizeOf(mapping) <= WHOLE_FILE_MAPPING_BYTES) return [{ start: mapping.start, end: mapping.end }];
  for (const range of within(written, mapping)) {
    const last = parts.at(-1);
    if (last !== undefined && range.start - last.end <= WRITTEN_GAP_BYTES) {
      parts[parts.length - 1] = { start: last.start, end: range.end };
    } else parts.push(range);
  }
  return parts;
}

function seedsOf(
  mapping: Mapping,
  found: readonly PopulatedRange[],
  covered: AscendingRanges,
  options: MappingPlanOptions,
): ExtentSeed[] {
  const { pageSize } = mapping;
  const guards = within(
    found.filter(({ isGuard }) => isGuard),
    mapping,
  );
  const exists = isShared(mapping) ? dataOf(mapping, options) : found.filter(({ isGuard }) => !isGuard);
  const known = within(covered, mapping);
  const fresh = gapsIn(known, mapping).flatMap((gap) => within(exists, gap));
  const pages = wholePages(union([...known, ...fresh]), pageSize);
  return gapsIn(guards, mapping).flatMap((bounds) =>
    within(pages, bounds).map(({ start, end }) => ({ start, end, pageSize, bounds })),
  );
}

/** Pages of shared memory may exist that this process has not mapped in yet, so its page tables do not tell. */
function dataOf(mapping: Mapping, { sharedData }: MappingPlanOptions): AscendingRanges {
  const whole = [{ start: mapping.start, end: mapping.end }];
  if (mapping.kind === 'hugetlb') return whole;
  const data = sharedData(mapping);
  if (data !== undefined) return union(data);
  if (sizeOf(mapping) <= WHOLE_SHARED_MAPPING_BYTES) return whole;
  throw new ProcessGuestError(
    'PROCESS_SPARSE_SHARED_MEMORY',
    `the pages of ${mapping.path} cannot be told from its holes, and ${sizeOf(mapping)} bytes are too many to take whole`,
    { operands: { path: mapping.path, bytes: sizeOf(mapping) } },
  );
}
