import type { PageCodec } from '../codec.ts';
import type { RegionEntry } from '../page-run.ts';
import { pureCodec } from '../pure-codec.ts';
import { PageTerms } from './page-terms.ts';

/** Which pages of a migration have come or gone, and their digest; shared by all its connections. */
export class MemoryAccount {
  readonly regions: readonly RegionEntry[];
  readonly terms: readonly PageTerms[];
  readonly #digest = new Uint32Array(2);

  constructor(regions: readonly RegionEntry[], codec: PageCodec = pureCodec) {
    this.regions = regions;
    this.terms = regions.map((region) => new PageTerms(region, codec, this.#digest));
  }

  /** Of the content of every page as it came last, [low, high]; a copy. */
  get digest(): Uint32Array {
    return this.#digest.slice();
  }

  get pageCount(): number {
    return this.terms.reduce((sum, { pageCount }) => sum + pageCount, 0);
  }

  /** Pages that have not come, or are to come again. */
  get missingCount(): number {
    return this.terms.reduce((sum, { pageCount, cameCount }) => sum + pageCount - cameCount, 0);
  }
}
