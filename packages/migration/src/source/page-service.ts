/* oxlint-disable no-await-in-loop -- batches go one after the other */
import type { RequestedRun } from '@stillframe/page-stream';
import type { DirtyRun } from '../guest.ts';
import type { PageSet } from '../pages/page-set.ts';
import type { PageSender } from './page-sender.ts';

export interface PageServiceOptions {
  /** What the destination does not have; emptied here. */
  readonly pending: PageSet;
  readonly pageSizes: readonly number[];
  /** Where pages are pushed, and the lane on which requests are answered; may be the same. */
  readonly push: PageSender;
  readonly answer: PageSender;
}

/** What is pushed at a time: a request that comes meanwhile waits for no more than this. */
const PUSH_BYTES = 256 * 1024;

/**
 * Serves the pages of a guest that runs elsewhere: requests at once, the rest in the background.
 *
 * A page that is asked for is sent again even when it was pushed already: it may be behind a lot else on its way, and somebody waits. Pushing
 * goes on behind the page that was asked for last, since what is near it is likely to be next.
 */
export class PageService {
  readonly #options: PageServiceOptions;
  #cursor = { region: 0, page: 0 };
  #requestedPages = 0;
  #answering: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isEnded = false;

  constructor(options: PageServiceOptions) {
    this.#options = options;
  }

  get requestedPages(): number {
    return this.#requestedPages;
  }

  get remainingPages(): number {
    return this.#options.pending.count;
  }

  /** Requests are answered in the order in which they come. Rejects when the lane is lost. */
  async request(runs: readonly RequestedRun[]): Promise<void> {
    this.#waiting++;
    const before = this.#answering;
    const answering = this.#answer(before, runs);
    this.#answering = answering.catch(() => undefined);
    try {
      await answering;
    } finally {
      this.#waiting--;
    }
  }

  /** Pushes until nothing is left, or `end`. Rejects when the connection is lost. */
  async run(): Promise<void> {
    const { pending, push, pageSizes } = this.#options;
    for (;;) {
      if (this.#waiting > 0) await this.#answering;
      const { region, page } = this.#cursor;
      const run = pending.next(region, page, maxPages(pageSizes));
      if (run === undefined || this.#isEnded) break;
      const first = cut(run, pageSizes);
      this.#moveBehind(first);
      pending.delete(first);
      await push.send([first], noCheck);
    }
    await this.#answering;
  }

  /** Pushes no more. */
  end(): void {
    this.#isEnded = true;
  }

  async #answer(before: Promise<void>, runs: readonly RequestedRun[]): Promise<void> {
    await before;
    for (const run of runs) {
      this.#requestedPages += run.pageCount;
      this.#options.pending.delete(run);
      this.#moveBehind(run);
      await this.#options.answer.send([run], noCheck);
    }
  }

  #moveBehind({ region, firstPage, pageCount }: DirtyRun): void {
    this.#cursor = { region, page: firstPage + pageCount };
  }
}

function noCheck(): void {}

/** Of the smallest pages: `cut` makes it right for others. */
function maxPages(pageSizes: readonly number[]): number {
  return Math.max(1, Math.floor(PUSH_BYTES / Math.min(...pageSizes)));
}

function cut(run: DirtyRun, pageSizes: readonly number[]): DirtyRun {
  const most = Math.max(1, Math.floor(PUSH_BYTES / pageSizes[run.region]!));
  return run.pageCount <= most ? run : { ...run, pageCount: most };
}
