/**
 * Words of 32 bits for each chunk in a table: byte offset in the slab, bytes, first unit of 4096 bytes in the region (low, high), method
 * (0 none, 1 lz4, 2 zstd), and filled in by the packer: kind (as in a CHUNKS frame), stored bytes, their CRC32C, their offset.
 */
export const CHUNK_WORDS = 9;

/** Has the shape of `PackRequest` in `@stillframe/page-stream`. */
export interface PackRequest {
  readonly region: number;
  readonly pages: Uint8Array;
  readonly base: Uint8Array | undefined;
  /** CHUNK_WORDS for each chunk; the answers are filled in. */
  readonly chunks: Uint32Array;
  readonly level: number;
  readonly minSaving: number;
}

/** Has the shape of `PackedSlab` in `@stillframe/page-stream`. */
export interface PackedSlab {
  readonly chunks: Uint32Array;
  readonly bytes: Uint8Array;
  readonly isSlab: boolean;
  readonly digest: Uint32Array;
  readonly storedCrc: number;
  release(): void;
}
