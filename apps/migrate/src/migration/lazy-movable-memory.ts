import type { LazyMemory, MissingPages } from '@stillframe/migration';
import { waitQuantilesNs } from '@stillframe/snapshot';
import { PageServer } from '@stillframe/uffd';
import { GUEST_PAGE_BYTES } from '../workloads/guest-memory.ts';
import { gapsIn, missingRanges } from './missing-ranges.ts';
import type { MovableMemory } from './movable.ts';

/**
 * Memory of a guest whose pages come when its threads touch them. It must not be touched by the thread that this belongs to.
 *
 * What is missing is served range by range; pages between that are there already are put aside and back, because serving begins with
 * empty memory.
 */
export function lazyMovableMemory(
  memory: readonly MovableMemory[],
  missing: readonly MissingPages[],
): LazyMemory {
  const ranges = missingRanges(missing);
  const kept = gapsIn(ranges, missing).map((gap) => ({ gap, bytes: bytesOf(memory, gap).slice() }));
  const server = PageServer.open(ranges.map((range) => ({ memory: bytesOf(memory, range) })));
  const filler = server.filler();
  const served = new ServedRanges(ranges);
  const install = (region: number, firstPage: number, bytes: Uint8Array) => {
    for (const part of served.parts(region, firstPage, bytes.length / GUEST_PAGE_BYTES)) {
      const from = part.offsetPages * GUEST_PAGE_BYTES;
      filler.install(part.range, part.page, bytes.subarray(from, from + part.pageCount * GUEST_PAGE_BYTES));
    }
  };
  for (const { gap, bytes } of kept) install(gap.region, gap.firstPage, bytes);
  return {
    takeRequests: (max) => filler.takeRequests(max).map((request) => served.global(request)),
    wait: () => filler.wait(true),
    install,
    installZero(region, firstPage, pageCount) {
      for (const part of served.parts(region, firstPage, pageCount)) {
        filler.installZero(part.range, part.page, part.pageCount);
      }
    },
    stats() {
      const { faultPages, faultWait, faultWaitMaxNs } = server.stats();
      const [p50 = 0, p99 = 0] = waitQuantilesNs(faultWait, [0.5, 0.99]);
      return { count: faultPages, p50: p50 / 1e3, p99: p99 / 1e3, max: faultWaitMaxNs / 1e3 };
    },
    close() {
      filler.close();
      server.close();
    },
  };
}

function bytesOf(
  memory: readonly MovableMemory[],
  { region, firstPage, pageCount }: MissingPages,
): MovableMemory {
  const start = firstPage * GUEST_PAGE_BYTES;
  return memory[region]!.subarray(start, start + pageCount * GUEST_PAGE_BYTES);
}

/** Pages of one range, and where they are among those that were asked about. */
interface Part {
  readonly range: number;
  readonly page: number;
  readonly pageCount: number;
  readonly offsetPages: number;
}

/** Between pages of regions and pages of the ranges that are served, each a region of the server. */
class ServedRanges {
  readonly #ranges: readonly MissingPages[];

  constructor(ranges: readonly MissingPages[]) {
    this.#ranges = ranges;
  }

  global({ region: range, firstPage, pageCount }: MissingPages): MissingPages {
    const { region, firstPage: start } = this.#ranges[range]!;
    return { region, firstPage: start + firstPage, pageCount };
  }

  /** What of these pages is served; the rest is there. */
  *parts(region: number, firstPage: number, pageCount: number): Generator<Part> {
    const end = firstPage + pageCount;
    for (let range = this.#firstEndingAfter(region, firstPage); range < this.#ranges.length; range++) {
      const found = this.#ranges[range]!;
      if (found.region !== region || found.firstPage >= end) return;
      const from = Math.max(firstPage, found.firstPage);
      const to = Math.min(end, found.firstPage + found.pageCount);
      yield { range, page: from - found.firstPage, pageCount: to - from, offsetPages: from - firstPage };
    }
  }

  #firstEndingAfter(region: number, page: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle]!;
      const isBefore =
        range.region < region || (range.region === region && range.firstPage + range.pageCount <= page);
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
