import { type IndexEntry, partEntries, writeIndexPart } from './layout/index-part.ts';
import { MAX_INDEX_ENTRIES } from './limits.ts';
import type { PageSpan } from './frames.ts';

/** A page count in an entry is a u32. */
const MAX_ENTRY_PAGES = 2 ** 32 - 1;

/** Remembers which frame holds which pages, until there are too many frames to remember. */
export class IndexBuilder {
  readonly #maxEntries: number;
  #entries: IndexEntry[] | undefined = [];

  constructor(maxEntries = MAX_INDEX_ENTRIES) {
    this.#maxEntries = maxEntries;
  }

  add(region: number, runs: readonly PageSpan[], frameOffset: number): void {
    for (const { firstPage, pageCount } of runs) {
      const last = this.#entries?.at(-1);
      const joins =
        last?.frameOffset === frameOffset &&
        last.region === region &&
        last.firstPage + last.pageCount === firstPage &&
        last.pageCount + pageCount <= MAX_ENTRY_PAGES;
      if (joins)
        this.#entries![this.#entries!.length - 1] = { ...last, pageCount: last.pageCount + pageCount };
      else this.#entries?.push({ region, firstPage, pageCount, frameOffset });
    }
    // A file without an index can still be read: it is walked.
    if (this.#entries && this.#entries.length > this.#maxEntries) this.#entries = undefined;
  }

  /** Payloads of the INDEX frames, the first of which is to stand at `indexStart`; none when there were too many entries. */
  payloads(indexStart: number, maxPayloadBytes: number): Uint8Array[] {
    if (!this.#entries) return [];
    const sorted = this.#entries.toSorted((a, b) => a.region - b.region || a.firstPage - b.firstPage);
    const perPart = partEntries(maxPayloadBytes);
    const partCount = Math.max(1, Math.ceil(sorted.length / perPart));
    return Array.from({ length: partCount }, (_, part) =>
      writeIndexPart(part, partCount, sorted.slice(part * perPart, (part + 1) * perPart), indexStart),
    );
  }
}
