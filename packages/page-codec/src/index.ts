import addon from '#native';

/**
 * The loops over page bytes, in native code. Has the shape of `PageCodec` in `@stillframe/page-stream` and gives the same results
 * as its `pureCodec`.
 *
 * Every call is synchronous, allocates nothing (but unpackZstd one context for each thread), and keeps no reference to the bytes. They may belong to a SharedArrayBuffer, but
 * nothing may write to them during the call. An argument of the wrong type is a TypeError, a value outside its range a RangeError;
 * nothing is written then.
 */
export interface NativePageCodec {
  /** CRC32C (Castagnoli) of `bytes`, continuing from `seed`, the CRC of what came before (0 to start). Unsigned. Any alignment. */
  crc32c(bytes: Uint8Array, seed?: number): number;

  /**
   * Where the zero pages are: alternating run lengths in pages, data first (may be 0): data, zero, data, …; returns how many
   * entries were written, 0 for no pages.
   *
   * RangeError unless `pageSize`, in bytes, is a multiple of 16, `pages` a whole number of pages, and `runLengths` at least one
   * entry longer than there are pages.
   */
  findZeroRuns(pages: Uint8Array, pageSize: number, runLengths: Uint32Array): number;

  /**
   * CRC32C of `pages` continuing from `seed`, and in the same pass the term of each unit of 4096 bytes, added to `digest`, the
   * [low, high] 32 bits of a sum modulo 2^64. The first unit of `pages` is unit `firstUnit` of region `region`.
   *
   * RangeError unless `pages` is a whole number of units, `seed` and `region` are unsigned 32-bit, `firstUnit` is a safe integer
   * of 0 or more, and `digest` has two entries.
   */
  digestRun(pages: Uint8Array, seed: number, region: number, firstUnit: number, digest: Uint32Array): number;

  /**
   * As `digestRun`, but what each page adds goes into `terms`: two words a page, the low half first; `terms` may be longer. Both are
   * zero for a page of zeros.
   *
   * RangeError unless `pageSize`, in bytes, is a multiple of 4096, `pages` a whole number of pages, and there is room for their terms.
   */
  digestPages(
    pages: Uint8Array,
    seed: number,
    region: number,
    firstUnit: number,
    pageSize: number,
    terms: Uint32Array,
  ): number;

  /**
   * CRC32C of two byte ranges one after the other, from that of each and the length of the second in bytes. No byte is read.
   *
   * RangeError unless all three are unsigned 32-bit.
   */
  appendCrc(crc: number, tailCrc: number, tailBytes: number): number;

  /** Unpacks one LZ4 block: true when all of `stored` was used and `pages` is full. Stays within both, whatever the bytes. */
  unpackLz4(stored: Uint8Array, pages: Uint8Array): boolean;

  /** The same for one Zstandard frame without dictionary. */
  unpackZstd(stored: Uint8Array, pages: Uint8Array): boolean;

  /** XXH3 of 128 bits of each page, four words a page into `hashes`. RangeError when they do not fit. */
  hashPages(
    pages: Uint8Array,
    pageSize: number,
    seedLow: number,
    seedHigh: number,
    hashes: Uint32Array,
  ): void;

  /** Whether both hold the same bytes. */
  isSame(one: Uint8Array, other: Uint8Array): boolean;
}

/** Inject this as the codec of an encoder or decoder. */
export const pageCodec: NativePageCodec = {
  crc32c: addon.crc32c,
  findZeroRuns: addon.findZeroRuns,
  digestRun: addon.digestRun,
  digestPages: addon.digestPages,
  appendCrc: addon.appendCrc,
  unpackLz4: addon.unpackLz4,
  unpackZstd: addon.unpackZstd,
  hashPages: addon.hashPages,
  // Of Node, which compares at the speed of memory.
  isSame: (one, other) => Buffer.compare(one, other) === 0,
};

export { Packer, PackerError, type PackerOptions } from './packer.ts';
export type { PackedSlab, PackRequest } from './pack-request.ts';

/** Which code computes CRC32C here, chosen once by what the processor offers. */
export const implementation: 'x64-avx512' | 'x64-sse4.2' | 'arm64-crc' | 'portable' = addon.implementation;

/** Whether that code uses the CRC or carry-less multiplication instructions of the processor. */
export function isHardware(): boolean {
  return addon.hardware;
}

/**
 * What importing this package throws where its addon cannot be loaded: `cause` is the loader's own error. Nothing can be exported
 * then, so this is only a type; recognise it by `code`.
 */
export interface PageCodecError extends Error {
  readonly name: 'PageCodecError';
  readonly code: 'PAGE_CODEC_UNAVAILABLE';
  /** What a person can do. */
  readonly hint: string;
}
