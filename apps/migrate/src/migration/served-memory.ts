import type { ArrivedPage, LazyMemory, MissingPages } from '@stillframe/migration';
import { waitQuantilesNs } from '@stillframe/snapshot';
import type { PageServer } from '@stillframe/uffd';

export interface ServedMemoryOptions {
  readonly pageSizeOf: (region: number) => number;
  /** Once the server is closed. */
  readonly onClosed?: () => void;
}

/** Memory of a guest, ranges of which a server has as regions of its own; takes the server over. `ranges` ascend and do not overlap. */
export function servedMemory(
  server: PageServer,
  ranges: readonly MissingPages[],
  { pageSizeOf, onClosed }: ServedMemoryOptions,
): LazyMemory {
  const filler = server.filler();
  const served = new ServedRanges(ranges);
  return {
    askOn: (connection) => server.askOn(connection, ranges),
    takeArrivals: () => server.takeArrivals().map((arrival) => served.globalPage(arrival)),
    takeRequests: (max) => filler.takeRequests(max).map((request) => served.global(request)),
    wait: () => filler.wait(true),
    install(region, firstPage, bytes) {
      const pageSize = pageSizeOf(region);
      for (const part of served.parts(region, firstPage, bytes.length / pageSize)) {
        const from = part.offsetPages * pageSize;
        filler.install(part.range, part.page, bytes.subarray(from, from + part.pageCount * pageSize));
      }
    },
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
      onClosed?.();
    },
  };
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

  globalPage({ region: range, page, crc32c }: ArrivedPage): ArrivedPage {
    const { region, firstPage } = this.#ranges[range]!;
    return { region, page: firstPage + page, crc32c };
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
