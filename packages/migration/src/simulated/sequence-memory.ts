import type { Region } from '@stillframe/snapshot';

/** Memory whose pages hold the number of their last write, and a ledger that says what that number is. */
export interface SequenceMemory {
  readonly regions: readonly Region[];
  readonly bytes: readonly Uint8Array[];
  /** For each region, for each page: the number of its last write; 0 for none. */
  readonly ledger: readonly Float64Array[];
}

export interface SequenceRegion {
  readonly pageCount: number;
  readonly pageSize?: number;
}

/** Where in a page the number stands: at both ends, so that half a page is noticed. */
const STAMP_BYTES = 24;

export function sequenceMemory(regions: readonly SequenceRegion[]): SequenceMemory {
  const described = regions.map(({ pageCount, pageSize = 4096 }, id) => ({
    id,
    name: `region-${id}`,
    sizeBytes: pageCount * pageSize,
    pageSize,
  }));
  return {
    regions: described,
    bytes: described.map(({ sizeBytes }) => new Uint8Array(sizeBytes)),
    ledger: regions.map(({ pageCount }) => new Float64Array(pageCount)),
  };
}

/** The page itself, not a copy. */
export function pageOf(
  memory: Pick<SequenceMemory, 'regions' | 'bytes'>,
  region: number,
  page: number,
): Uint8Array {
  const { pageSize } = memory.regions[region]!;
  return memory.bytes[region]!.subarray(page * pageSize, (page + 1) * pageSize);
}

/** Write number `sequence` goes to this page. */
export function stamp(memory: SequenceMemory, region: number, page: number, sequence: number): void {
  const bytes = pageOf(memory, region, page);
  const mark = new Uint8Array(Float64Array.of(sequence, region, page).buffer);
  bytes.set(mark, 0);
  bytes.set(mark, bytes.length - STAMP_BYTES);
  memory.ledger[region]![page] = sequence;
}

/** What is wrong with the memory, one line for each page; `skip` are pages that need not be right. */
export function wrongPages(
  memory: SequenceMemory,
  skip: (region: number, page: number) => boolean = () => false,
): string[] {
  return memory.ledger.flatMap((ledger, region) =>
    [...ledger].flatMap((last, page) => {
      if (skip(region, page)) return [];
      const bytes = pageOf(memory, region, page);
      const expected = (last === 0 ? [0, 0, 0] : [last, region, page]).join(' ');
      const found = [bytes.slice(0, STAMP_BYTES), bytes.slice(-STAMP_BYTES)].map((mark) =>
        new Float64Array(mark.buffer).join(' '),
      );
      if (found.every((words) => words === expected)) return [];
      return [`region ${region} page ${page}: holds ${found.join(' … ')}, written was ${expected}`];
    }),
  );
}

/** Everything that is not memory: the last number, and the ledger. */
export function packSequence(memory: SequenceMemory, sequence: number): Uint8Array {
  const words = [sequence, ...memory.ledger.flatMap((pages) => [...pages])];
  return new Uint8Array(Float64Array.from(words).buffer);
}

/** Fills the ledger; returns the last number. */
export function unpackSequence(memory: SequenceMemory, bytes: Uint8Array): number {
  const words = new Float64Array(bytes.slice().buffer);
  let at = 1;
  for (const ledger of memory.ledger) {
    ledger.set(words.subarray(at, at + ledger.length));
    at += ledger.length;
  }
  if (at !== words.length) throw new RangeError(`${words.length} words of state for ${at}`);
  return words[0]!;
}
