/**
 * A run of neighbouring pages of one region.
 *
 * `firstPage` and `pageCount` are in pages of that region. A run of kind `data` has its bytes with it, a run of kind `zero` has
 * none: its pages read as zeros.
 */
export interface PageRun {
  readonly firstPage: number;
  readonly pageCount: number;
  readonly kind: 'data' | 'zero';
}

/** One region of an image. `id` is its position in the region table. */
export interface RegionEntry {
  readonly id: number;
  readonly name: string;
  readonly sizeBytes: number;
  /** Bytes in one page: a power of two, MIN_PAGE_SIZE to MAX_PAGE_SIZE. */
  readonly pageSize: number;
}
