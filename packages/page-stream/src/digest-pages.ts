import type { PageCodec } from './codec.ts';
import { DIGEST_UNIT_BYTES } from './limits.ts';

/** `PageCodec.digestPages`, also where the codec has none. */
export function digestPages(
  codec: PageCodec,
  pages: Uint8Array,
  seed: number,
  region: number,
  firstUnit: number,
  pageSize: number,
  terms: Uint32Array,
): number {
  if (codec.digestPages) return codec.digestPages(pages, seed, region, firstUnit, pageSize, terms);
  const unitsPerPage = pageSize / DIGEST_UNIT_BYTES;
  const term = new Uint32Array(2);
  let crc = seed;
  for (let at = 0, page = 0; at < pages.length; at += pageSize, page++) {
    term.fill(0);
    const unit = firstUnit + page * unitsPerPage;
    crc = codec.digestRun(pages.subarray(at, at + pageSize), crc, region, unit, term);
    terms.set(term, 2 * page);
  }
  return crc;
}
