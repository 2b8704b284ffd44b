import fc from 'fast-check';
import {
  type ChunkOptions,
  formatLimits,
  openImage,
  type ParentImage,
  PageStreamEncoder,
  pureCodec,
  type StoredImage,
} from '../src/index.ts';
import { decode, type Feed, whole } from './decode.ts';
import { RestoredMemory } from './full-reader.ts';
import { concat } from './raw-frames.ts';
import { type SampleImage, slabBytes } from './sample-images.ts';
import { TestPacker } from './test-packer.ts';
import { tinyUnpackZstd } from './tiny-zstd.ts';

export const testCodec = { ...pureCodec, unpackZstd: tinyUnpackZstd };

/** Ways to send an image in chunks. */
export const chunkWays = fc.record({
  chunkBytes: fc.constantFrom(4096, 8192, 65_536),
  method: fc.constantFrom('none' as const, 'lz4' as const, 'zstd' as const),
  sameAs: fc.boolean(),
  index: fc.boolean(),
  isAsync: fc.boolean(),
});

export type ChunkWay = typeof chunkWays extends fc.Arbitrary<infer T> ? T : never;

/** The stream of `image`, sent in this way; a stream id of one byte repeated. */
export async function encodeChunked(
  image: SampleImage,
  { chunkBytes, method, sameAs, index, isAsync }: ChunkWay,
  { parent, id = 7 }: { parent?: ParentImage; id?: number } = {},
): Promise<Uint8Array> {
  const packer = new TestPacker();
  const chunks: ChunkOptions = {
    chunkBytes,
    packer,
    sameAs,
    index,
    ...(method === 'none' ? {} : { compression: { method } }),
    ...(parent ? { parent } : {}),
  };
  const limits = { ...formatLimits, maxPayloadBytes: image.maxPayloadBytes };
  const encoder = new PageStreamEncoder({ streamId: new Uint8Array(16).fill(id), limits, chunks });
  const parts = [
    ...encoder.start(image.regions),
    ...encoder.state({ kind: 'sample@1', bytes: new Uint8Array(image.stateBytes).map((_, i) => i) }),
  ];
  const slabs = image.slabs.map((slab) => ({ ...slab, bytes: slabBytes(image, slab) }));
  if (isAsync) {
    const packing = slabs.map(async ({ region, runs, bytes }) => {
      const encoded = await encoder.packPages(region, runs, bytes);
      // A slab that is not used any more may be written over at once.
      if (!encoded.usesSlab) bytes.fill(0xee);
      parts.push(...encoded.buffers.map((buffer) => buffer.slice()));
      encoded.release();
    });
    await Promise.all(packing);
  } else {
    for (const { region, runs, bytes } of slabs) parts.push(...encoder.encodePages(region, runs, bytes));
  }
  if (packer.lent !== 0) throw new Error(`${packer.lent} slabs of the packer were not given back`);
  parts.push(...encoder.end());
  return concat(parts);
}

export function open(bytes: Uint8Array, parent?: ParentImage): StoredImage {
  return openImage((offset, length) => bytes.slice(offset, offset + length), {
    sizeBytes: bytes.length,
    codec: testCodec,
    ...(parent ? { parent } : {}),
  });
}

/** The byte that fills each page, by random access; pages in no particular order. */
export function readAll(image: StoredImage): Uint8Array[] {
  return image.regions.map(({ id, pageSize, sizeBytes }) => {
    const contents = new Uint8Array(sizeBytes / pageSize);
    for (const page of contents.keys()) {
      const at = (page * 7 + 3) % contents.length;
      const bytes = new Uint8Array(pageSize);
      for (const place of contents.length % 7 === 0 ? [page] : [at]) {
        image.readPages(id, place, bytes);
        if (bytes.some((byte) => byte !== bytes[0])) throw new Error(`page ${place} is torn`);
        contents[place] = bytes[0]!;
      }
    }
    return contents;
  });
}

/** A plain way with an index. */
export const way = { chunkBytes: 65_536, method: 'none', sameAs: false, index: true, isAsync: true } as const;

/** One region, each page full of one byte, in slabs of two pages. */
export function oneRegion(contents: readonly number[]): SampleImage {
  const slabs = contents.flatMap((_, page) =>
    page % 2 === 0
      ? [
          {
            region: 0,
            runs: [
              { firstPage: page, pageCount: Math.min(2, contents.length - page), kind: 'data' as const },
            ],
          },
        ]
      : [],
  );
  const sizeBytes = contents.length * 4096;
  return {
    regions: [{ id: 0, name: 'ram', pageSize: 4096, sizeBytes }],
    contents: [Uint8Array.from(contents)],
    stateBytes: 5,
    maxPayloadBytes: 65_536,
    slabs,
  };
}

/** Decodes into memory; the byte that fills each page. */
export function restore(bytes: Uint8Array, parent?: ParentImage, chunks: Feed = whole) {
  const memory = new RestoredMemory(parent);
  const options = { from: 'file' as const, codec: testCodec, earlier: memory, ...(parent ? { parent } : {}) };
  const { frames, error } = decode(bytes, options, chunks, (frame) => memory.take(frame));
  const contents = memory.regions.map(({ id, pageSize, sizeBytes }) =>
    Uint8Array.from({ length: sizeBytes / pageSize }, (_, page) => memory.contents[id]![page * pageSize]!),
  );
  return { frames, error, contents, memory };
}
