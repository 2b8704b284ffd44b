import fc from 'fast-check';
import { formatLimits, type PageRun, PageStreamEncoder, type RegionEntry } from '../src/index.ts';
import { concat } from './raw-frames.ts';
import { streamId } from './sample-streams.ts';

/** An image and the way in which it is sent. */
export interface SampleImage {
  readonly regions: readonly RegionEntry[];
  /** One byte for each page, which fills it. */
  readonly contents: readonly Uint8Array[];
  readonly stateBytes: number;
  readonly maxPayloadBytes: number;
  readonly slabs: readonly SampleSlab[];
}

export interface SampleSlab {
  readonly region: number;
  readonly runs: readonly PageRun[];
}

const regionShape = fc.record({
  pageSize: fc.constantFrom(4096, 4096, 8192, 32768),
  contents: fc.uint8Array({ minLength: 1, maxLength: 10, max: 3 }),
  name: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
});

/** Small images, their pages sent in any order, with runs and slabs of any size; some of the zero pages as zero runs. */
export const sampleImage: fc.Arbitrary<SampleImage> = fc
  .array(regionShape, { maxLength: 3 })
  .chain((shapes) => {
    const regions = shapes.map(({ pageSize, contents, name }, id) => ({
      id,
      name,
      pageSize,
      sizeBytes: pageSize * contents.length,
    }));
    return fc.record({
      regions: fc.constant(regions),
      contents: fc.constant(shapes.map(({ contents }) => contents)),
      stateBytes: fc.oneof(fc.nat(100), fc.constantFrom(65_504, 65_505, 140_000)),
      maxPayloadBytes: fc.constantFrom(65_536, formatLimits.maxPayloadBytes),
      slabs: slabsOf(shapes.map(({ contents }) => contents)),
    });
  });

/** Cuts each region into runs, shuffles them, and packs neighbours into slabs. */
function slabsOf(contents: readonly Uint8Array[]): fc.Arbitrary<SampleSlab[]> {
  const cuts = fc.infiniteStream(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean(), fc.boolean()));
  return cuts.chain((stream) => {
    const pieces: { region: number; run: PageRun; joins: boolean }[] = [];
    for (const [region, pages] of contents.entries()) {
      for (let firstPage = 0; firstPage < pages.length; ) {
        const [length, asZero, joins] = stream.next().value;
        const pageCount = Math.min(length, pages.length - firstPage);
        const zeros = pages.subarray(firstPage, firstPage + pageCount).every((byte) => byte === 0);
        const kind = asZero && zeros ? 'zero' : 'data';
        pieces.push({ region, run: { firstPage, pageCount, kind }, joins });
        firstPage += pageCount;
      }
    }
    return fc.shuffledSubarray(pieces, { minLength: pieces.length }).map((shuffled) => {
      const slabs: { region: number; runs: PageRun[] }[] = [];
      for (const { region, run, joins } of shuffled) {
        const last = slabs.at(-1);
        if (joins && last?.region === region) last.runs.push(run);
        else slabs.push({ region, runs: [run] });
      }
      return slabs;
    });
  });
}

/** The pages of the data runs of a slab, packed. */
export function slabBytes({ regions, contents }: SampleImage, { region, runs }: SampleSlab): Uint8Array {
  const pageSize = regions[region]?.pageSize ?? 0;
  const pages: Uint8Array[] = [];
  for (const { firstPage, pageCount, kind } of runs) {
    if (kind === 'zero') continue;
    for (let page = firstPage; page < firstPage + pageCount; page++) {
      pages.push(new Uint8Array(pageSize).fill(contents[region]?.[page] ?? 0));
    }
  }
  return concat(pages);
}

export function encodeImage(image: SampleImage): Uint8Array {
  const limits = { ...formatLimits, maxPayloadBytes: image.maxPayloadBytes };
  const encoder = new PageStreamEncoder({ streamId, limits });
  const stateBytes = new Uint8Array(image.stateBytes).map((_, index) => index);
  return concat([
    ...encoder.start(image.regions),
    ...encoder.state({ kind: 'sample@1', bytes: stateBytes }),
    ...image.slabs.flatMap((slab) => encoder.encodePages(slab.region, slab.runs, slabBytes(image, slab))),
    ...encoder.end(),
  ]);
}
