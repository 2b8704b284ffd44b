/**
 * The loops over page bytes, injected so that a native implementation can replace `pureCodec`.
 *
 * The first three are always there, and every implementation of them gives the same results (FORMAT.md, "Checksums" and "Image digest"). None keeps a reference to the bytes.
 */
export interface PageCodec {
  /** CRC32C (Castagnoli) of `bytes`, continuing from `seed`, the CRC of what came before (0 to start). An unsigned 32-bit number. */
  crc32c(bytes: Uint8Array, seed?: number): number;

  /**
   * Where the zero pages are: alternating run lengths in pages, data first (may be 0): data, zero, data, …
   *
   * Returns how many entries were written. They sum to the page count, only the first may be 0, and empty `pages` gives 0 entries.
   * `runLengths` holds at least one entry more than there are pages, `pages` a whole number of pages: RangeError otherwise.
   */
  findZeroRuns(pages: Uint8Array, pageSize: number, runLengths: Uint32Array): number;

  /**
   * CRC32C of `pages` continuing from `seed`; adds the term of each DIGEST_UNIT_BYTES unit to `digest`, [low, high] 32 bits of a sum
   * modulo 2^64. The first unit of `pages` is unit `firstUnit` of region `region`.
   *
   * `pages` is a whole number of units, `firstUnit` a safe integer, `digest` has two entries: RangeError otherwise.
   */
  digestRun(pages: Uint8Array, seed: number, region: number, firstUnit: number, digest: Uint32Array): number;

  /**
   * As `digestRun`, but what each page adds goes into `terms`: two words a page, [low, high]. `pageSize` is a multiple of
   * DIGEST_UNIT_BYTES; `terms` may be longer. The encoder calls `digestRun` for each page where the codec has none.
   */
  readonly digestPages?: (
    pages: Uint8Array,
    seed: number,
    region: number,
    firstUnit: number,
    pageSize: number,
    terms: Uint32Array,
  ) => number;

  /**
   * CRC32C of two byte ranges one after the other, from that of each and the length of the second, in bytes, below 2^32. The encoder has
   * one in TypeScript where the codec has none.
   */
  readonly appendCrc?: (crc: number, tailCrc: number, tailBytes: number) => number;

  /**
   * Unpacks one LZ4 block to exactly fill `pages`: false when it does not, or when bytes of `stored` are left over. Never reads or
   * writes beyond either. The decoder has one in TypeScript where the codec has none.
   */
  readonly unpackLz4?: (stored: Uint8Array, pages: Uint8Array) => boolean;

  /** The same for one Zstandard frame. Without it a decoder does not know the feature ZSTD. */
  readonly unpackZstd?: (stored: Uint8Array, pages: Uint8Array) => boolean;

  /**
   * A hash of 128 bits of each page, four words a page into `hashes`. Depends on the seed; never stored, so implementations differ.
   * The encoder has one in TypeScript where the codec has none.
   */
  readonly hashPages?: (
    pages: Uint8Array,
    pageSize: number,
    seedLow: number,
    seedHigh: number,
    hashes: Uint32Array,
  ) => void;

  /** Whether two ranges of the same length hold the same bytes. The encoder has one in TypeScript where the codec has none. */
  readonly isSame?: (one: Uint8Array, other: Uint8Array) => boolean;
}
