import { PageStreamError } from './error.ts';
import { featureNames, features } from './features.ts';
import { DIGEST_UNIT_BYTES, MAX_PAGE_SIZE } from './limits.ts';
import type { ChunkPacker } from './packer.ts';
import type { ParentImage } from './page-reader.ts';
import { DEFAULT_TWIN_ENTRIES } from './page-twins.ts';
import type { SeriesAccount } from './series-account.ts';

export interface CompressionOptions {
  readonly method: 'lz4' | 'zstd';
  /** For lz4 the acceleration, 1 (default) to 65,537: higher is faster and packs less. For zstd -7 to 9, default 1. */
  readonly level?: number;
  /** A chunk goes compressed only when that saves at least this share of it: 0 to 0.99, default 1/8. */
  readonly minSaving?: number;
}

/** How an image is sent in CHUNKS frames. Everything is off unless it is named. */
export interface ChunkOptions {
  /** Bytes in one chunk, the unit of compression and of random access: 4096 to 2 MiB, by 4096; default 64 KiB. At least one page. */
  readonly chunkBytes?: number;
  /** Needs `packer`. */
  readonly compression?: CompressionOptions;
  /** Compresses, away from the event loop. Stays the caller's to close. */
  readonly packer?: ChunkPacker;
  /** Pages that came before are referred to. `entries` of the table, 24 bytes each, a power of two; default 2^18. */
  readonly sameAs?: boolean | { readonly entries?: number };
  /** Makes the image an increment. */
  readonly parent?: ParentImage;
  /** Shared by all images of a series that are not compressed: pages that changed need not be read in the parent. */
  readonly account?: SeriesAccount;
  /** Writes an index behind the pages, for random access. */
  readonly index?: boolean;
}

export const DEFAULT_CHUNK_BYTES = 64 * 1024;
const DEFAULT_MIN_SAVING = 1 / 8;

/** `ChunkOptions` with everything filled in and checked. */
export interface ChunkSettings {
  readonly chunkBytes: number;
  readonly method: 'none' | 'lz4' | 'zstd';
  readonly level: number;
  /** 1/1024 of a chunk. */
  readonly minSaving: number;
  readonly packer: ChunkPacker | undefined;
  /** 0: off. */
  readonly twinEntries: number;
  readonly parent: ParentImage | undefined;
  readonly account: SeriesAccount | undefined;
  readonly index: boolean;
  /** What the reader must know. */
  readonly features: number;
}

/** RangeError for a value outside its range, TypeError for compression without a packer. */
export function chunkSettings(options: ChunkOptions): ChunkSettings {
  const {
    chunkBytes = DEFAULT_CHUNK_BYTES,
    compression,
    packer,
    sameAs = false,
    parent,
    account,
    index = false,
  } = options;
  if (
    chunkBytes % DIGEST_UNIT_BYTES !== 0 ||
    !(chunkBytes >= DIGEST_UNIT_BYTES && chunkBytes <= MAX_PAGE_SIZE)
  ) {
    throw new RangeError(
      `chunkBytes is ${chunkBytes}; ${DIGEST_UNIT_BYTES} to ${MAX_PAGE_SIZE}, by ${DIGEST_UNIT_BYTES}`,
    );
  }
  if (compression && !packer) throw new TypeError('compression needs a packer');
  const minSaving = compression?.minSaving ?? DEFAULT_MIN_SAVING;
  if (!(minSaving >= 0 && minSaving <= 0.99)) throw new RangeError(`minSaving is ${minSaving}; 0 to 0.99`);
  return {
    chunkBytes,
    method: compression?.method ?? 'none',
    level: checkedLevel(compression),
    minSaving: Math.round(minSaving * 1024),
    packer,
    twinEntries: twinEntries(sameAs),
    parent,
    account,
    index,
    features: neededFeatures(options),
  };
}

function checkedLevel(compression: CompressionOptions | undefined): number {
  const level = compression?.level ?? 1;
  const [min, max] = compression?.method === 'zstd' ? [-7, 9] : [1, 65_537];
  if (!Number.isInteger(level) || level < min || level > max) {
    throw new RangeError(
      `level is ${level}; for ${compression?.method} a whole number from ${min} to ${max}`,
    );
  }
  return level;
}

function twinEntries(sameAs: ChunkOptions['sameAs']): number {
  if (sameAs === undefined || sameAs === false) return 0;
  return (sameAs === true ? undefined : sameAs.entries) ?? DEFAULT_TWIN_ENTRIES;
}

function neededFeatures({ compression, sameAs, parent }: ChunkOptions): number {
  let bits: number = features.CHUNKS;
  if (compression?.method === 'lz4') bits |= features.LZ4;
  if (compression?.method === 'zstd') bits |= features.ZSTD;
  if (twinEntries(sameAs) > 0) bits |= features.SAME_AS;
  if (parent) bits |= features.PARENT;
  return bits;
}

/**
 * `options` without what a reader of `readerFeatures` (from its HELLO) cannot read; undefined when it reads no chunks at all. An
 * increment cannot be had without: PageStreamError STREAM_FEATURE.
 */
export function agreeChunks(options: ChunkOptions, readerFeatures: number): ChunkOptions | undefined {
  const missing = neededFeatures(options) & ~readerFeatures;
  if (options.parent && (missing & (features.PARENT | features.CHUNKS)) !== 0) {
    const message = `the reader cannot take an increment: it lacks ${featureNames(missing).join(', ')}`;
    throw new PageStreamError('STREAM_FEATURE', 0, message);
  }
  if ((missing & features.CHUNKS) !== 0) return undefined;
  const { compression, sameAs, ...rest } = options;
  return {
    ...rest,
    ...(compression && (missing & (features.LZ4 | features.ZSTD)) === 0 ? { compression } : {}),
    ...(sameAs !== undefined && (missing & features.SAME_AS) === 0 ? { sameAs } : {}),
  };
}
