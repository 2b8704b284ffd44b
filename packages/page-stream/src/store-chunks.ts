import type { PageCodec } from './codec.ts';
import { subtractDigest } from './image-digest.ts';
import { DIGEST_UNIT_BYTES } from './limits.ts';
import type { PageTerms } from './migration/page-terms.ts';
import type { PackedChunk, PackedSlab, PackRequest } from './packer.ts';

export type ToStore = Pick<PackRequest, 'region' | 'pages' | 'base'> & {
  /** With the CRC32C of those where it is known; their pages are in the digest already. */
  readonly chunks: readonly (Omit<PackRequest['chunks'][number], 'method'> & {
    readonly crc?: number | undefined;
  })[];
};

/**
 * What a packer does, at once and without compressing: the chunks stay as they are, in the slab. With `terms` the pages are accounted there,
 * and the slab adds nothing to the digest.
 */
export function storeChunks(
  codec: PageCodec,
  { region, pages, base, chunks }: ToStore,
  terms?: PageTerms,
): PackedSlab {
  const digest = new Uint32Array(2);
  const old = new Uint32Array(2);
  const stored = chunks.map(({ at, sizeBytes, firstUnit, crc }): PackedChunk => {
    if (crc !== undefined) return { kind: 'data', storedAt: at, storedBytes: sizeBytes, storedCrc: crc };
    const bytes = pages.subarray(at, at + sizeBytes);
    const storedCrc = terms
      ? terms.data(firstUnit / (terms.region.pageSize / DIGEST_UNIT_BYTES), bytes, 0)
      : codec.digestRun(bytes, 0, region, firstUnit, digest);
    if (base) codec.digestRun(base.subarray(at, at + sizeBytes), 0, region, firstUnit, old);
    return { kind: 'data', storedAt: at, storedBytes: sizeBytes, storedCrc };
  });
  subtractDigest(digest, old);
  return { chunks: stored, bytes: pages, isSlab: true, digest, release: () => {} };
}
