/** Pages in a piece: the number of a page is divided by it to find the piece. 1 GiB of small pages. */
const PIECE_PAGES = 2 ** 18;

/** A run of pages of 4 KiB, by their numbers: address divided by 4096. */
export interface PageRun {
  readonly firstPage: number;
  readonly pageCount: number;
}

/** Samples of one measurement, at most: what fits in an entry. */
export const SAMPLES_MAX = 2 ** 16 - 2;

/** For each page of an address space when it was last written: two bytes a page, where there are any. */
export class PageAge {
  readonly #pieces = new Map<number, Uint16Array>();

  /**
   * Notes that pages were written in a sample, numbered from 0. Calls `visit` for runs of them that were last written in the same sample; −1 stands
   * for never.
   */
  note(
    sample: number,
    { firstPage, pageCount }: PageRun,
    visit: (last: number, pages: number) => void,
  ): void {
    let page = firstPage;
    const end = firstPage + pageCount;
    while (page < end) {
      const piece = this.#piece(Math.floor(page / PIECE_PAGES));
      const from = page % PIECE_PAGES;
      const to = Math.min(PIECE_PAGES, from + end - page);
      let at = from;
      while (at < to) {
        const entry = piece[at]!;
        const start = at;
        while (at < to && piece[at] === entry) at += 1;
        piece.fill(sample + 1, start, at);
        visit(entry - 1, at - start);
      }
      page += to - from;
    }
  }

  #piece(number: number): Uint16Array {
    let piece = this.#pieces.get(number);
    if (piece === undefined) {
      piece = new Uint16Array(PIECE_PAGES);
      this.#pieces.set(number, piece);
    }
    return piece;
  }
}
