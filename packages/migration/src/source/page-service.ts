/* oxlint-disable no-await-in-loop -- batches go one after the other */
import { EventEmitter, once } from 'node:events';
import type { RequestedRun } from '@stillframe/page-stream';
import type { DirtyRun } from '../guest.ts';
import type { PageSet } from '../pages/page-set.ts';
import { AnswerLine } from './answer-line.ts';
import type { PageSender } from './page-sender.ts';

export interface PageServiceOptions {
  /** What the destination does not have; emptied here. */
  readonly pending: PageSet;
  readonly pageSizes: readonly number[];
  /** The first connection, and the lane on which requests are answered; may be the same. */
  readonly push: PageSender;
  readonly answer: PageSender;
  /** Where there is a lane of requests, the destination asks on the first connection for the pages that nobody waits for. */
  readonly isPulled: boolean;
}

/** What is pushed at a time: a request that comes meanwhile waits for no more than this. */
const PUSH_BYTES = 256 * 1024;

/**
 * Serves the pages of a guest that runs elsewhere: requests at once, the rest besides.
 *
 * A page that is asked for on the lane is sent again even when it was sent already: it may be behind others on its way, and somebody
 * waits. With `isPulled` the destination decides how much is under way, since only it sees how long answers take; otherwise all is
 * pushed, on behind the page that was asked for last.
 */
export class PageService {
  readonly #options: PageServiceOptions;
  readonly #answers: AnswerLine;
  readonly #pulls: AnswerLine;
  readonly #events = new EventEmitter();
  #cursor = { region: 0, page: 0 };
  #requestedPages = 0;
  #isEnded = false;

  constructor(options: PageServiceOptions) {
    this.#options = options;
    this.#answers = new AnswerLine(options.answer);
    this.#pulls = new AnswerLine(options.push);
  }

  get requestedPages(): number {
    return this.#requestedPages;
  }

  get remainingPages(): number {
    return this.#options.pending.count;
  }

  /** Somebody waits. Requests are answered in the order in which they come. Rejects when the lane is lost. */
  async request(runs: readonly RequestedRun[]): Promise<void> {
    for (const run of runs) {
      this.#requestedPages += run.pageCount;
      this.#moveBehind(run);
    }
    await this.#serve(this.#answers, runs);
  }

  /** The destination wants these, too. Rejects when the connection is lost. */
  async pull(runs: readonly RequestedRun[]): Promise<void> {
    await this.#serve(this.#pulls, runs);
  }

  /** They have come otherwise. */
  arrived(run: DirtyRun): void {
    this.#options.pending.delete(run);
    if (this.#options.pending.count === 0) this.#events.emit('change');
  }

  /** Until nothing is left, or `end`. Rejects when the connection is lost. */
  async run(): Promise<void> {
    const { pending, isPulled } = this.#options;
    if (!isPulled) await this.#push();
    while (!this.#isEnded && pending.count > 0) await once(this.#events, 'change');
    await Promise.all([this.#answers.empty(), this.#pulls.empty()]);
  }

  /** Sends no more of itself. */
  end(): void {
    this.#isEnded = true;
    this.#events.emit('change');
  }

  async #serve(line: AnswerLine, runs: readonly RequestedRun[]): Promise<void> {
    const serving = line.answer(runs);
    for (const run of runs) this.#options.pending.delete(run);
    if (this.#options.pending.count === 0) this.#events.emit('change');
    await serving;
  }

  async #push(): Promise<void> {
    const { pending, push, pageSizes } = this.#options;
    for (;;) {
      await this.#answers.empty();
      const { region, page } = this.#cursor;
      const run = pending.next(region, page, maxPages(pageSizes));
      if (run === undefined || this.#isEnded) return;
      const first = cut(run, pageSizes);
      this.#moveBehind(first);
      pending.delete(first);
      await push.send([first], () => undefined);
    }
  }

  #moveBehind({ region, firstPage, pageCount }: DirtyRun): void {
    this.#cursor = { region, page: firstPage + pageCount };
  }
}

/** Of the smallest pages: `cut` makes it right for others. */
function maxPages(pageSizes: readonly number[]): number {
  return Math.max(1, Math.floor(PUSH_BYTES / Math.min(...pageSizes)));
}

function cut(run: DirtyRun, pageSizes: readonly number[]): DirtyRun {
  const most = Math.max(1, Math.floor(PUSH_BYTES / pageSizes[run.region]!));
  return run.pageCount <= most ? run : { ...run, pageCount: most };
}
