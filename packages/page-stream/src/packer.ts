import type { ChunkKind } from './layout/chunks.ts';

export type PackMethod = 'none' | 'lz4' | 'zstd';

/** One chunk of a slab: neighbouring pages. */
export interface ChunkToPack {
  /** Byte offset in the slab. */
  readonly at: number;
  /** A multiple of DIGEST_UNIT_BYTES. */
  readonly sizeBytes: number;
  /** Index within the region of its first unit of DIGEST_UNIT_BYTES. */
  readonly firstUnit: number;
  readonly method: PackMethod;
}

export interface PackRequest {
  readonly region: number;
  /** The slab. Nobody writes to it until the promise has settled. */
  readonly pages: Uint8Array;
  /** The parent's pages, laid out like `pages`: then deltas are tried, and their old content leaves the digest. */
  readonly base: Uint8Array | undefined;
  readonly chunks: readonly ChunkToPack[];
  /** For zstd its level, for lz4 its acceleration. */
  readonly level: number;
  /** A form is taken only when it saves this many 1/1024 of the chunk. */
  readonly minSaving: number;
}

export interface PackedChunk {
  readonly kind: Exclude<ChunkKind, 'zero' | 'same-as' | 'parent'>;
  /** Byte offset in `PackedSlab.bytes`. */
  readonly storedAt: number;
  /** Without padding. */
  readonly storedBytes: number;
  readonly storedCrc: number;
}

/** A slab whose chunks are ready to be sent. */
export interface PackedSlab {
  /** In the order of the request. */
  readonly chunks: readonly PackedChunk[];
  /**
   * Where stored bytes are. Either the slab itself, all chunks being data; or memory of the packer, chunk behind chunk, each padded
   * with zeros to 8 bytes, so that the slab is not needed any more.
   */
  readonly bytes: Uint8Array;
  readonly isSlab: boolean;
  /** What the chunks add to the digest, [low, high]; modulo 2^64. */
  readonly digest: Uint32Array;
  /** Gives memory of the packer back. Once, after the bytes were written. */
  release(): void;
}

/**
 * Packs slabs away from the event loop, in parallel and with bounded memory: `@stillframe/page-codec` has one. `pack` waits while all
 * its buffers are in use, and rejects when the packer is closed; nothing touches the slab then.
 */
export interface ChunkPacker {
  pack(request: PackRequest): Promise<PackedSlab>;
}
