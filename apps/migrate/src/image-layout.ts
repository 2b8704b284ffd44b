import { openImage, PageStreamError } from '@stillframe/page-stream';
import { pageCodec } from './codec.ts';
import type { FileSource } from './io/file-source.ts';

/** Where the pages of an image are. */
export interface ImageLayout {
  /** `damaged`: there is an index, but it cannot be used. `unknown`: the frames themselves cannot be. */
  readonly index: 'used' | 'absent' | 'damaged' | 'unknown';
  /** Stretches of neighbouring pages in one frame. */
  readonly extents: number;
  /** How often who reads the pages in order has to go elsewhere than on, or back. */
  readonly seeks: number;
  /** `seeks` as a share of what they could be at most. 0: the pages lie in order. */
  readonly fragmentation: number;
}

/** Looks at the index, or without one at the run tables. Never throws because of what is in the image: it is shown all the same. */
export function surveyLayout(source: FileSource): ImageLayout {
  try {
    const image = openImage((offset, length) => source.readAt(offset, length), {
      sizeBytes: source.sizeBytes,
      codec: pageCodec,
    });
    let extents = 0;
    let seeks = 0;
    let last = -1;
    for (const { frameOffset } of image.extents()) {
      extents += 1;
      if (frameOffset < last) seeks += 1;
      last = frameOffset;
    }
    const fragmentation = extents > 1 ? seeks / (extents - 1) : 0;
    return { index: image.index, extents, seeks, fragmentation };
  } catch (error) {
    if (error instanceof PageStreamError) return { index: 'unknown', extents: 0, seeks: 0, fragmentation: 0 };
    throw error;
  }
}
