import type { PageCodec } from './codec.ts';
import { subtractDigest } from './image-digest.ts';
import type { PackedChunk, PackedSlab, PackRequest } from './packer.ts';

/** What a packer does, at once and without compressing: the chunks stay as they are, in the slab. */
export function storeChunks(codec: PageCodec, { region, pages, base, chunks }: PackRequest): PackedSlab {
  const digest = new Uint32Array(2);
  const old = new Uint32Array(2);
  const stored = chunks.map(({ at, sizeBytes, firstUnit }): PackedChunk => {
    const bytes = pages.subarray(at, at + sizeBytes);
    const storedCrc = codec.digestRun(bytes, 0, region, firstUnit, digest);
    if (base) codec.digestRun(base.subarray(at, at + sizeBytes), 0, region, firstUnit, old);
    return { kind: 'data', storedAt: at, storedBytes: sizeBytes, storedCrc };
  });
  subtractDigest(digest, old);
  return { chunks: stored, bytes: pages, isSlab: true, digest, release: () => {} };
}
