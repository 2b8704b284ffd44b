import type { DecoderOptions, Frame, PageReader, ParentImage, RegionEntry } from '../src/index.ts';
import { pureCodec } from '../src/index.ts';
import { page, streamId } from './sample-streams.ts';
import { tinyUnpackZstd } from './tiny-zstd.ts';

/** The parent that tests have: the image of the worked example in FORMAT.md. */
export const sampleParent: ParentImage = {
  streamId,
  digest: Uint32Array.of(0x63bb11c7, 0xce616144),
  chainLength: 0,
  regions: [{ id: 0, name: 'ram', sizeBytes: 4 * 4096, pageSize: 4096 }],
  readPages(region, firstPage, pages) {
    if (region !== 0 || firstPage + pages.length / 4096 > 4) throw new RangeError('no such page');
    pages.fill(0);
    if (firstPage === 0) pages.set(page(0x41));
  },
};

/** Memory that an image is restored to; it begins as the parent for an increment. */
export class RestoredMemory implements PageReader {
  readonly #parent: ParentImage | undefined;
  regions: readonly RegionEntry[] = [];
  readonly contents: Uint8Array[] = [];

  constructor(parent?: ParentImage) {
    this.#parent = parent;
  }

  readPages(region: number, firstPage: number, pages: Uint8Array): void {
    const start = firstPage * (this.regions[region]?.pageSize ?? 0);
    const bytes = this.contents[region]?.subarray(start, start + pages.length);
    if (bytes?.length !== pages.length)
      throw new RangeError(`region ${region} has no ${pages.length} bytes at ${start}`);
    pages.set(bytes);
  }

  take(frame: Frame): void {
    if (frame.type === 'regions') this.#allocate(frame.regions);
    if (frame.type !== 'pages') return;
    const pageSize = this.regions[frame.region]?.pageSize ?? 0;
    let at = 0;
    for (const { firstPage, pageCount, kind } of frame.runs) {
      const start = firstPage * pageSize;
      const size = pageCount * pageSize;
      if (kind === 'zero') {
        this.contents[frame.region]?.fill(0, start, start + size);
        continue;
      }
      this.contents[frame.region]?.set(frame.bytes.subarray(at, at + size), start);
      at += size;
    }
  }

  /** Limits of tests are low, but a table of zero runs may still be of terabytes. */
  #allocate(regions: readonly RegionEntry[]): void {
    this.regions = regions;
    for (const { id, sizeBytes } of regions) {
      const bytes = new Uint8Array(Math.min(sizeBytes, 64 * 1024 * 1024));
      if (this.#parent?.regions[id]?.sizeBytes === sizeBytes) this.#parent.readPages(id, 0, bytes);
      this.contents.push(bytes);
    }
  }
}

/** Options of a decoder that can read every feature, and the memory that its frames must be given to. */
export function fullReader(parent = sampleParent): {
  options: Pick<DecoderOptions, 'codec' | 'earlier' | 'parent'>;
  memory: RestoredMemory;
} {
  const memory = new RestoredMemory(parent);
  const codec = { ...pureCodec, unpackZstd: tinyUnpackZstd };
  return { options: { codec, earlier: memory, parent }, memory };
}
