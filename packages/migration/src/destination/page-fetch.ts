/* oxlint-disable no-await-in-loop -- requests follow each other */
import { MAX_REQUEST_RUNS, type PageRun, type RegionEntry } from '@stillframe/page-stream';
import type { LazyMemory } from '../guest.ts';
import type { MigrationLink } from '../link/migration-link.ts';

export interface PageFetchOptions {
  readonly memory: LazyMemory;
  readonly regions: readonly RegionEntry[];
  /** Where requests are sent; another one can be used later. */
  readonly link: MigrationLink;
  readonly onFailure: (error: unknown) => void;
}

/** Asks the source for the pages that somebody waits for, and puts in what comes. */
export class PageFetch {
  readonly #options: PageFetchOptions;
  #link: MigrationLink;
  #requestedPages = 0;
  #isClosed = false;

  constructor(options: PageFetchOptions) {
    this.#options = options;
    this.#link = options.link;
    void this.#ask();
  }

  get requestedPages(): number {
    return this.#requestedPages;
  }

  /** Requests go here from now on. */
  use(link: MigrationLink): void {
    this.#link = link;
  }

  /** Pages that came, asked for or not. `bytes` is packed as in the frame. */
  take(regionId: number, runs: readonly PageRun[], bytes: Uint8Array): void {
    const { memory, regions } = this.#options;
    const { pageSize } = regions[regionId]!;
    let at = 0;
    for (const { firstPage, pageCount, kind } of runs) {
      if (kind === 'zero') {
        memory.installZero(regionId, firstPage, pageCount);
        continue;
      }
      const end = at + pageCount * pageSize;
      memory.install(regionId, firstPage, bytes.subarray(at, end));
      at = end;
    }
  }

  /** Every page is there. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#options.memory.close();
  }

  async #ask(): Promise<void> {
    const { memory, onFailure } = this.#options;
    try {
      while (!this.#isClosed) {
        await memory.wait();
        if (this.#isClosed) return;
        const requests = memory.takeRequests(MAX_REQUEST_RUNS);
        if (requests.length === 0) continue;
        for (const { pageCount } of requests) this.#requestedPages += pageCount;
        const runs = requests.map(({ region, firstPage, pageCount }) => ({ region, firstPage, pageCount }));
        await this.#link.send([this.#link.control.pageRequest(runs)]);
      }
    } catch (error) {
      if (!this.#isClosed) onFailure(error);
    }
  }
}
