import { partEntries, writeIndexPart } from './layout/index-part.ts';
import { MAX_INDEX_ENTRIES } from './limits.ts';
import { PageMap } from './page-map.ts';

/** Remembers which frame holds which pages, until there are too many frames to remember. */
export class IndexBuilder {
  readonly #maxEntries: number;
  #map: PageMap | undefined = new PageMap();

  constructor(maxEntries = MAX_INDEX_ENTRIES) {
    this.#maxEntries = maxEntries;
  }

  add(region: number, firstPage: number, pageCount: number, frameOffset: number): void {
    this.#map?.add(region, firstPage, pageCount, frameOffset);
    // A file without an index can still be read: it is walked.
    if (this.#map && this.#map.length > this.#maxEntries) this.#map = undefined;
  }

  /** Payloads of the INDEX frames, the first of which is to stand at `indexStart`; none when there were too many entries. */
  payloads(indexStart: number, maxPayloadBytes: number): Uint8Array[] {
    const map = this.#map;
    if (!map) return [];
    map.sort();
    const perPart = partEntries(maxPayloadBytes);
    const partCount = Math.max(1, Math.ceil(map.length / perPart));
    return Array.from({ length: partCount }, (_, part) => {
      const from = part * perPart;
      const to = Math.min(map.length, from + perPart);
      return writeIndexPart(part, partCount, map, { from, to, indexStart });
    });
  }
}
