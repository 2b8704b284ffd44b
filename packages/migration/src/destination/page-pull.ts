import { MAX_REQUEST_RUNS } from '@stillframe/page-stream';
import type { Clock } from '@stillframe/snapshot';
import type { MissingPages } from '../guest.ts';
import type { MigrationLink } from '../link/migration-link.ts';
import type { PageSet } from '../pages/page-set.ts';
import { PULL_BYTES, PullWindow } from './pull-window.ts';

export interface PagePullOptions {
  /** What has not been asked for; emptied here. */
  readonly unasked: PageSet;
  readonly pageSizes: readonly number[];
  /** Takes out of `unasked` what came otherwise, and gives the last of it. */
  readonly arrivals: () => { readonly region: number; readonly page: number } | undefined;
  readonly clock: Clock;
  /** The first connection: answers come on it, in the order of the questions, a frame for each. */
  readonly link: MigrationLink;
  readonly onFailure: (error: unknown) => void;
}

interface Asked {
  readonly sizeBytes: number;
  readonly atNs: number;
}

/**
 * Fetches what nobody waits for yet, so much at a time that pages which somebody waits for are not behind it on the link.
 *
 * It goes on behind the page that was touched last, since what is near it is likely to be next.
 */
export class PagePull {
  readonly #options: PagePullOptions;
  readonly #window = new PullWindow();
  readonly #asked: Asked[] = [];
  #askedBytes = 0;
  #cursor = { region: 0, page: 0 };

  constructor(options: PagePullOptions) {
    this.#options = options;
    this.#ask();
  }

  /** These are asked for because somebody waits. */
  touched(runs: readonly MissingPages[]): void {
    for (const run of runs) this.#options.unasked.delete(run);
    const last = runs.at(-1);
    if (last !== undefined) this.#moveBehind(last);
  }

  /** An answer. One that was not asked for is of no account. */
  came(): void {
    const asked = this.#asked.shift();
    if (asked === undefined) return;
    this.#askedBytes -= asked.sizeBytes;
    this.#window.came(asked.sizeBytes, this.#options.clock.nowNs() - asked.atNs);
    this.#ask();
  }

  #ask(): void {
    const { unasked, arrivals, link, clock, onFailure, pageSizes } = this.#options;
    const last = arrivals();
    if (last !== undefined) this.#cursor = { region: last.region, page: last.page + 1 };
    const runs: MissingPages[] = [];
    const atNs = clock.nowNs();
    while (runs.length < MAX_REQUEST_RUNS && this.#askedBytes < this.#window.bytes) {
      const { region, page } = this.#cursor;
      const found = unasked.next(region, page, Math.max(1, Math.floor(PULL_BYTES / Math.min(...pageSizes))));
      if (found === undefined) break;
      const pageSize = pageSizes[found.region]!;
      const most = Math.max(1, Math.floor(PULL_BYTES / pageSize));
      const run = { ...found, pageCount: Math.min(found.pageCount, most) };
      unasked.delete(run);
      this.#moveBehind(run);
      runs.push(run);
      const sizeBytes = run.pageCount * pageSize;
      this.#asked.push({ sizeBytes, atNs });
      this.#askedBytes += sizeBytes;
    }
    if (runs.length > 0) link.send([link.control.pageRequest(runs)]).catch(onFailure);
  }

  #moveBehind({ region, firstPage, pageCount }: MissingPages): void {
    this.#cursor = { region, page: firstPage + pageCount };
  }
}
