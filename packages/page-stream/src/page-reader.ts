import type { RegionEntry } from './page-run.ts';

/** Reads pages of an image: of one that is stored, or of the memory that an image is being restored to. */
export interface PageReader {
  /** Fills `pages`, a whole number of pages, from page `firstPage` of region `region` on. Synchronous; throws when it cannot. */
  readPages(region: number, firstPage: number, pages: Uint8Array): void;
}

/** The image that an increment builds on, verified by whoever gives it. */
export interface ParentImage extends PageReader {
  /** 16 bytes. */
  readonly streamId: Uint8Array;
  /** Image digest, [low, high] 32 bits. */
  readonly digest: Uint32Array;
  /** Images below this one; 0 when it is complete in itself. */
  readonly chainLength: number;
  readonly regions: readonly RegionEntry[];
}

/** Whether an image of `regions` may be an increment of one of `parentRegions`: same number, page sizes and sizes. */
export function sameLayout(regions: readonly RegionEntry[], parentRegions: readonly RegionEntry[]): boolean {
  return (
    regions.length === parentRegions.length &&
    regions.every(({ pageSize, sizeBytes }, id) => {
      const parent = parentRegions[id];
      return parent?.pageSize === pageSize && parent.sizeBytes === sizeBytes;
    })
  );
}
