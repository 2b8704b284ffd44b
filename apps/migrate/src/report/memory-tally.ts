import type { StateMapping, StateRegion } from '@stillframe/guests/core';

/** What became of one kind of memory. */
export interface MemoryTally {
  readonly kind: string;
  readonly mappings: number;
  /** Of the mappings, whether anything is there or not. */
  readonly sizeBytes: number;
  /** Of the regions that the image has of them; the rest was left out, or was never touched. */
  readonly inBytes: number;
}

/** What of a ProcessState it takes. */
export interface MemoryOfProcess {
  /** Ascending. */
  readonly mappings: readonly Pick<StateMapping, 'kind' | 'start' | 'end'>[];
  readonly regions: readonly Pick<StateRegion, 'address' | 'sizeBytes'>[];
}

/** By kind, the largest first. */
export function tallyMemory({ mappings, regions }: MemoryOfProcess): MemoryTally[] {
  const tallies = new Map<string, { mappings: number; sizeBytes: number; inBytes: number }>();
  const tallyOf = (kind: string) => {
    const tally = tallies.get(kind) ?? { mappings: 0, sizeBytes: 0, inBytes: 0 };
    tallies.set(kind, tally);
    return tally;
  };
  for (const { kind, start, end } of mappings) {
    const tally = tallyOf(kind);
    tally.mappings += 1;
    tally.sizeBytes += Number(end - start);
  }
  for (const region of regions) {
    // A region may run over several mappings that touch each other.
    const end = region.address + BigInt(region.sizeBytes);
    for (let at = firstEndingAfter(mappings, region.address); at < mappings.length; at++) {
      const mapping = mappings[at]!;
      if (mapping.start >= end) break;
      const from = mapping.start > region.address ? mapping.start : region.address;
      const to = mapping.end < end ? mapping.end : end;
      tallyOf(mapping.kind).inBytes += Number(to - from);
    }
  }
  return [...tallies]
    .map(([kind, { mappings: count, sizeBytes, inBytes }]) => ({ kind, mappings: count, sizeBytes, inBytes }))
    .toSorted((one, other) => other.inBytes - one.inBytes || other.sizeBytes - one.sizeBytes);
}

function firstEndingAfter(mappings: MemoryOfProcess['mappings'], address: bigint): number {
  let low = 0;
  let high = mappings.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (mappings[middle]!.end <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}
