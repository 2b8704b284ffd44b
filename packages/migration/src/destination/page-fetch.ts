/* oxlint-disable no-await-in-loop -- requests follow each other */
import { type MemoryAccount, MAX_REQUEST_RUNS, type PageRun } from '@stillframe/page-stream';
import type { Clock } from '@stillframe/snapshot';
import type { FaultWaitUs, LazyMemory } from '../guest.ts';
import type { MigrationLink } from '../link/migration-link.ts';
import type { PageSet } from '../pages/page-set.ts';
import { FaultArrivals } from './fault-arrivals.ts';
import { PagePull } from './page-pull.ts';

export interface PageFetchOptions {
  readonly memory: LazyMemory;
  readonly account: MemoryAccount;
  readonly missing: PageSet;
  readonly clock: Clock;
  /** The first connection. Requests go on it as well until there is a lane for them. */
  readonly link: MigrationLink;
  readonly onFailure: (error: unknown) => void;
}

/** Asks the source for the pages that somebody waits for, on a lane of their own for the others, and puts in what comes. */
export class PageFetch {
  readonly #options: PageFetchOptions;
  readonly #arrivals: FaultArrivals;
  #lane: MigrationLink | undefined;
  #pull: PagePull | undefined;
  #hasStarted = false;
  #requestedPages = 0;
  #isClosed = false;
  #faultWaitUs: FaultWaitUs | undefined;

  constructor(options: PageFetchOptions) {
    this.#options = options;
    this.#arrivals = new FaultArrivals(options);
    void this.#ask();
  }

  get requestedPages(): number {
    return this.#requestedPages + this.#arrivals.pages;
  }

  /** Pages that came on a lane of faults, and were noted. */
  get arrivedPages(): number {
    return this.#arrivals.pages;
  }

  /** Once it is closed. */
  get faultWaitUs(): FaultWaitUs | undefined {
    return this.#faultWaitUs;
  }

  /** Requests go here from now on. */
  use(lane: MigrationLink): void {
    this.#lane = lane;
    this.#pullOthers();
  }

  /** The guest runs here: what nobody waits for comes as well. A source without a lane sends it unasked. */
  start(): void {
    this.#hasStarted = true;
    this.#pullOthers();
  }

  /** Pages that came, asked for or not. `bytes` is packed as in the frame. */
  take(regionId: number, runs: readonly PageRun[], bytes: Uint8Array, from: 'first' | 'lane'): void {
    const { memory, account } = this.#options;
    const { pageSize } = account.regions[regionId]!;
    if (from === 'first') this.#pull?.came();
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
    this.#faultWaitUs = this.#options.memory.stats?.();
    await this.#options.memory.close();
  }

  #pullOthers(): void {
    if (!this.#hasStarted || this.#lane === undefined || this.#pull !== undefined) return;
    const { missing, account, clock, link, onFailure } = this.#options;
    const pageSizes = account.regions.map(({ pageSize }) => pageSize);
    const arrivals = () => this.#arrivals.take();
    this.#pull = new PagePull({ unasked: missing, pageSizes, arrivals, clock, link, onFailure });
  }

  async #ask(): Promise<void> {
    const { memory, onFailure } = this.#options;
    const failed = (error: unknown) => {
      if (!this.#isClosed) onFailure(error);
    };
    try {
      while (!this.#isClosed) {
        await memory.wait();
        if (this.#isClosed) return;
        const requests = memory.takeRequests(MAX_REQUEST_RUNS);
        if (requests.length === 0) continue;
        for (const { pageCount } of requests) this.#requestedPages += pageCount;
        const runs = requests.map(({ region, firstPage, pageCount }) => ({ region, firstPage, pageCount }));
        this.#pull?.touched(runs);
        const link = this.#lane ?? this.#options.link;
        // Not awaited: the next thread that waits has not to wait for this one. There are no more of them than threads.
        link.send([link.control.pageRequest(runs)]).catch(failed);
      }
    } catch (error) {
      failed(error);
    }
  }
}
