import { resolve } from 'node:path';
import { PageStreamError, type StoredImage } from '@stillframe/page-stream';
import { asFailure, type ImageLink } from './image-link.ts';
import { openStored } from './image-chain.ts';

/** Pages that come from the same place. */
export interface PageOwner {
  /** The file that has them. */
  readonly image: string;
  /** Whether they are zeros, so that there is nothing to read. */
  readonly isZero: boolean;
  /** The first page behind the one that was asked for which may come from elsewhere. */
  readonly end: number;
}

/** The pages of the last image of a chain, and which image of it has them. Throws SnapshotError for what is damaged. */
export class ChainPages {
  readonly top: StoredImage;
  readonly #images: readonly StoredImage[];
  readonly #names: readonly string[];

  constructor(links: readonly ImageLink[]) {
    this.#images = openStored(links);
    this.top = this.#images.at(-1)!;
    // Not the identity: a copy states the same, and may be damaged.
    this.#names = links.map(({ path }) => resolve(path));
  }

  /** Reads run tables, not pages. */
  owner(region: number, page: number): PageOwner {
    let end = Number.MAX_SAFE_INTEGER;
    for (let level = this.#images.length - 1; level >= 0; level--) {
      const place = failing(() => this.#images[level]!.locate(region, page));
      end = Math.min(end, place.firstPage + place.pageCount);
      if (place.kind === 'parent') continue;
      return { image: this.#names[level]!, isZero: place.kind === 'zero', end };
    }
    throw new Error('an image without a parent has pages of a parent');
  }

  readPages(region: number, firstPage: number, pages: Uint8Array): void {
    failing(() => this.top.readPages(region, firstPage, pages));
  }
}

function failing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof PageStreamError ? asFailure(error) : error;
  }
}
