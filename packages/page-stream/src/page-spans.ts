import type { PageCodec } from './codec.ts';
import { MAX_PAYLOAD_BYTES, MIN_PAGE_SIZE } from './limits.ts';

/** How many pages one zero scan takes at most: it bounds the scratch memory. */
const SCAN_BYTES = MAX_PAYLOAD_BYTES;

/**
 * Packed pages, consumed from the front as spans that are all data or all zeros.
 *
 * One call of the codec scans many runs at once; the work here is per span, never per page.
 */
export class PageSpans {
  readonly #codec: PageCodec;
  readonly #runLengths = new Uint32Array(SCAN_BYTES / MIN_PAGE_SIZE + 1);
  #bytes: Uint8Array = new Uint8Array();
  #pageSize = MIN_PAGE_SIZE;
  #scannedBytes = 0;
  #entries = 0;
  #entry = 0;
  /** Pages left in entry `#entry`. */
  #left = 0;

  constructor(codec: PageCodec) {
    this.#codec = codec;
  }

  /** Starts over with other pages. */
  reset(bytes: Uint8Array, pageSize: number): void {
    this.#bytes = bytes;
    this.#pageSize = pageSize;
    this.#scannedBytes = 0;
    this.#entries = 0;
    this.#entry = -1;
    this.#left = 0;
  }

  /** Takes up to `maxPages` pages, 1 or more, and says how many; the caller never asks for more than there are. */
  take(maxPages: number): number {
    while (this.#left === 0) this.#nextEntry();
    const pageCount = Math.min(maxPages, this.#left);
    this.#left -= pageCount;
    return pageCount;
  }

  /** Whether the pages that were taken last are zeros. */
  get isZero(): boolean {
    return this.#entry % 2 === 1;
  }

  #nextEntry(): void {
    if (this.#entry + 1 >= this.#entries) this.#scan();
    else this.#entry++;
    this.#left = this.#runLengths[this.#entry]!;
  }

  #scan(): void {
    const window = this.#bytes.subarray(this.#scannedBytes, this.#scannedBytes + SCAN_BYTES);
    this.#entries = this.#codec.findZeroRuns(window, this.#pageSize, this.#runLengths);
    this.#scannedBytes += window.length;
    this.#entry = 0;
  }
}
