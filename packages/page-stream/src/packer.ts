export type PackMethod = 'none' | 'lz4' | 'zstd';

export interface PackRequest {
  readonly region: number;
  /** The slab. Nobody writes to it until the promise has settled. */
  readonly pages: Uint8Array;
  /** The parent's pages, laid out like `pages`: then deltas are tried, and their old content leaves the digest. */
  readonly base: Uint8Array | undefined;
  /** CHUNK_WORDS for each chunk, which is neighbouring pages of the slab: see `chunkWord`. The packer fills in its answers. */
  readonly chunks: Uint32Array;
  /** For zstd its level, for lz4 its acceleration. */
  readonly level: number;
  /** A form is taken only when it saves this many 1/1024 of the chunk. */
  readonly minSaving: number;
}

/** A slab whose chunks are ready to be sent. */
export interface PackedSlab {
  /** The table of the request, with the answers. */
  readonly chunks: Uint32Array;
  /**
   * Where stored bytes are. Either the slab itself, all chunks being data; or memory of the packer, chunk behind chunk, each padded
   * with zeros to 8 bytes, so that the slab is not needed any more.
   */
  readonly bytes: Uint8Array;
  readonly isSlab: boolean;
  /** What the chunks add to the digest, [low, high]; modulo 2^64. */
  readonly digest: Uint32Array;
  /** CRC32C of what is stored of all chunks, one behind the other, each with its padding; where the packer knows it. */
  readonly storedCrc?: number;
  /** Gives memory of the packer back. Once, after the bytes were written. */
  release(): void;
}

/**
 * Packs slabs away from the event loop, in parallel and with bounded memory: `@stillframe/page-codec` has one. `pack` waits while all
 * its buffers are in use, and rejects when the packer is closed; nothing touches the slab then.
 */
export interface ChunkPacker {
  /** Slabs that it packs or keeps until their `release` at a time, where it is known. They are served in the order of the calls. */
  readonly buffers?: number;
  pack(request: PackRequest): Promise<PackedSlab>;
}
