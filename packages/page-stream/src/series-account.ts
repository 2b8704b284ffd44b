import type { PageCodec } from './codec.ts';
import { MemoryAccount } from './migration/memory-account.ts';
import { type ParentImage, sameLayout } from './page-reader.ts';
import type { RegionEntry } from './page-run.ts';

/**
 * What each page of the newest image of a series adds to its digest, so that the next one need not read the pages that it replaces: those of a
 * changed page leave the digest by their number, and only a page with the same number is compared with what it was.
 *
 * Give one to all images of a series, one after the other. It belongs to the image that was encoded with it last: an increment of any other image, or
 * of one that failed, is encoded as if there were none. Compressed images do without, because a delta needs the old content anyway.
 *
 * Memory: 8 bytes and a bit for each page; nothing for long runs of zeros.
 */
export class SeriesAccount {
  #account: MemoryAccount | undefined;

  /** For the encoder, at the start of an image; undefined when nothing is known of its parent. */
  begin(
    regions: readonly RegionEntry[],
    codec: PageCodec,
    parent: ParentImage | undefined,
  ): MemoryAccount | undefined {
    const known = this.#account;
    if (parent === undefined) this.#account = new MemoryAccount(regions, codec);
    else if (known === undefined || !isOf(known, parent)) this.#account = undefined;
    return this.#account;
  }
}

/** The digest says whether every page in the account is the parent's. */
function isOf(account: MemoryAccount, { digest, regions }: ParentImage): boolean {
  const own = account.digest;
  return (
    own[0] === digest[0] &&
    own[1] === digest[1] &&
    account.missingCount === 0 &&
    sameLayout(account.regions, regions)
  );
}
