import type { RegionEntry } from '@stillframe/page-stream';
import type { DirtyRun } from '../guest.ts';
import { PageSet } from '../pages/page-set.ts';

/**
 * Pages that the guest writes round after round, held back until a round goes by without a write to them, or until it stands still.
 *
 * Whatever of them a round sends has to be sent again. Without them a round is shorter, so less is written meanwhile: what is left in the end
 * comes down to about these pages, where it would stay at several times as much.
 */
export class HotPages {
  readonly #regions: readonly RegionEntry[];
  #before: PageSet;
  #held: PageSet;
  #coolShare = 0;

  constructor(regions: readonly RegionEntry[]) {
    this.#regions = regions;
    this.#before = new PageSet(regions);
    this.#held = new PageSet(regions);
  }

  /** `written` since the last call. @returns What to send now, ascending. */
  sift(written: Iterable<DirtyRun>): DirtyRun[] {
    const now = new PageSet(this.#regions, written);
    const held = new PageSet(this.#regions);
    const toSend = new PageSet(this.#regions);
    for (const page of pagesOf(now))
      (this.#before.has(page.region, page.firstPage) ? held : toSend).add(page);
    let cooled = 0;
    for (const page of pagesOf(this.#held)) {
      if (now.has(page.region, page.firstPage)) continue;
      toSend.add(page);
      cooled += 1;
    }
    this.#coolShare = this.#held.count === 0 ? 0 : cooled / this.#held.count;
    this.#before = now;
    this.#held = held;
    return [...toSend.runs()];
  }

  /** As `sift`, but holds nothing back. */
  release(written: readonly DirtyRun[]): readonly DirtyRun[] {
    this.#before = new PageSet(this.#regions, written);
    if (this.#held.count === 0) return written;
    const all = new PageSet(this.#regions, [...this.#held.runs(), ...written]);
    this.#held = new PageSet(this.#regions);
    return [...all.runs()];
  }

  /** Written, and not sent. */
  get held(): readonly DirtyRun[] {
    return [...this.#held.runs()];
  }

  /** How many of them will not have been written again, and so are not among those that are: as many as the last time, if it goes on so. */
  get expectedCoolPages(): number {
    return this.#held.count * this.#coolShare;
  }
}

function* pagesOf(set: PageSet): Generator<DirtyRun> {
  for (const { region, firstPage, pageCount } of set.runs()) {
    for (let page = firstPage; page < firstPage + pageCount; page++) {
      yield { region, firstPage: page, pageCount: 1 };
    }
  }
}
