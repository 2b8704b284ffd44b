import { CHUNK_WORDS, chunkWord, firstUnitOf } from './chunk-table.ts';
import type { PageCodec } from './codec.ts';
import { subtractDigest } from './image-digest.ts';
import { kindNumber } from './layout/chunks.ts';
import { DIGEST_UNIT_BYTES } from './limits.ts';
import type { PageTerms } from './migration/page-terms.ts';
import type { PackedSlab, PackRequest } from './packer.ts';

export type ToStore = Pick<PackRequest, 'region' | 'pages' | 'base' | 'chunks'>;

/**
 * What a packer does, at once and without compressing: the chunks stay as they are, in the slab. With `terms` the pages are accounted there,
 * and the slab adds nothing to the digest. Chunks that are stored already are left alone.
 */
export function storeChunks(
  codec: PageCodec,
  { region, pages, base, chunks }: ToStore,
  terms?: PageTerms,
): PackedSlab {
  const digest = new Uint32Array(2);
  const old = new Uint32Array(2);
  const unitsPerPage = terms === undefined ? 1 : terms.region.pageSize / DIGEST_UNIT_BYTES;
  for (let from = 0; from < chunks.length; from += CHUNK_WORDS) {
    if (chunks[from + chunkWord.storedBytes] !== 0) continue;
    const at = chunks[from + chunkWord.at]!;
    const sizeBytes = chunks[from + chunkWord.sizeBytes]!;
    const firstUnit = firstUnitOf(chunks, from);
    const bytes = pages.subarray(at, at + sizeBytes);
    const storedCrc = terms
      ? terms.data(firstUnit / unitsPerPage, bytes, 0)
      : codec.digestRun(bytes, 0, region, firstUnit, digest);
    if (base) codec.digestRun(base.subarray(at, at + sizeBytes), 0, region, firstUnit, old);
    chunks[from + chunkWord.kind] = kindNumber.data;
    chunks[from + chunkWord.storedBytes] = sizeBytes;
    chunks[from + chunkWord.storedCrc] = storedCrc;
    chunks[from + chunkWord.storedAt] = at;
  }
  subtractDigest(digest, old);
  return { chunks, bytes: pages, isSlab: true, digest, release: () => {} };
}
