import { describe, expect, it } from 'vitest';
import {
  agreeChunks,
  type ChunkOptions,
  features,
  featureNames,
  formatLimits,
  ownHello,
  PageStreamDecoder,
  PageStreamEncoder,
  pureCodec,
  readableFeatures,
  type RegionEntry,
} from '../src/index.ts';
import { IndexBuilder } from '../src/index-builder.ts';
import { encodeChunked, oneRegion, open, readAll, restore, testCodec, way } from './chunked-images.ts';
import { decode } from './decode.ts';
import * as chunk from './chunk-payloads.ts';
import { FEATURE, KIND, lz4Of } from './chunk-payloads.ts';
import { sampleParent } from './full-reader.ts';
import * as payload from './payloads.ts';
import { TYPE } from './payloads.ts';
import { concat, joinFrames, splitFrames } from './raw-frames.ts';
import { page, streamId } from './sample-streams.ts';
import { TestPacker } from './test-packer.ts';

const region: RegionEntry = { id: 0, name: 'ram', sizeBytes: 4 * 4096, pageSize: 4096 };

function begun(chunks?: ChunkOptions, regions: readonly RegionEntry[] = [region]): PageStreamEncoder {
  const encoder = new PageStreamEncoder({ streamId, ...(chunks ? { chunks } : {}) });
  encoder.start(regions);
  encoder.state({ kind: 'none', bytes: new Uint8Array() });
  return encoder;
}

function run(firstPage: number, pageCount: number) {
  return { firstPage, pageCount, kind: 'data' as const };
}

describe('an encoder of chunks', () => {
  it('lets the slab go only when no buffer is a view of it', async () => {
    const compression = { method: 'lz4' } as const;
    const encoder = begun({ packer: new TestPacker(), compression });
    const pages = page(1);
    const small = await encoder.packPages(0, [run(0, 1)], pages);
    expect(small.usesSlab).toBe(false);
    const noise = Uint8Array.from({ length: 4096 }, (_, at) => at * 7);
    const raw = await encoder.packPages(0, [run(1, 1)], noise);
    expect(raw.usesSlab).toBe(true);
    expect(raw.buffers[1]?.buffer).toBe(noise.buffer);
    const zeros = await encoder.packPages(0, [run(2, 1)], page(0));
    expect(zeros.usesSlab).toBe(false);
  });

  it.each([4, 40])(
    'makes the same bytes whether its packer knows the checksum of a slab of %i pages or not',
    async (pageCount) => {
      const wide = { ...region, sizeBytes: pageCount * 4096 };
      const pages = concat(Array.from({ length: pageCount }, (_, index) => page(1 + (index % 3), 4096)));
      pages.set([1, 2, 3], 2 * 4096);
      const streams = [true, false].map(async (knowsCrc) => {
        const encoder = begun(
          { packer: new TestPacker({ knowsCrc }), compression: { method: 'lz4' }, chunkBytes: 4096 },
          [wide],
        );
        const { buffers } = await encoder.packPages(0, [run(0, pageCount)], pages);
        return concat(buffers);
      });
      const [known, computed] = await Promise.all(streams);
      expect(known).toEqual(computed);
      expect(splitFrames(known!).map(({ payload: bytes }) => bytes[16 + 12])).toEqual([KIND.lz4]);
    },
  );

  it('refuses what would break the order while packing is under way', async () => {
    const encoder = begun({ packer: new TestPacker(), compression: { method: 'lz4' }, parent: sampleParent });
    const packing = encoder.packPages(0, [run(0, 4)], concat([page(1), page(2), page(3), page(4)]));
    expect(() => encoder.end()).toThrow(TypeError);
    expect(() => encoder.encodePages(0, [run(0, 1)], page(1))).toThrow(TypeError);
    expect(() => encoder.inheritPages(0, [])).toThrow(TypeError);
    await packing;
    encoder.end();
  });

  it('fails for good when its packer does', async () => {
    const packer = { pack: () => Promise.reject(new Error('closed')) };
    const encoder = begun({ packer, compression: { method: 'lz4' } });
    await expect(encoder.packPages(0, [run(0, 1)], page(1))).rejects.toThrow('closed');
    await expect(encoder.packPages(0, [run(1, 1)], page(0))).rejects.toThrow('closed');
  });

  it.each([
    ['chunkBytes', { chunkBytes: 4095 }],
    ['chunkBytes', { chunkBytes: 0 }],
    ['chunkBytes', { chunkBytes: 2 * 1024 * 1024 + 4096 }],
    ['level', { packer: new TestPacker(), compression: { method: 'lz4', level: 0 } }],
    ['level', { packer: new TestPacker(), compression: { method: 'zstd', level: 10 } }],
    ['level', { packer: new TestPacker(), compression: { method: 'zstd', level: -8 } }],
    ['minSaving', { packer: new TestPacker(), compression: { method: 'lz4', minSaving: 1 } }],
    ['entries', { sameAs: { entries: 1000 } }],
    ['a chain of 65', { parent: { ...sampleParent, chainLength: 64 } }],
  ] as [string, ChunkOptions][])('refuses %s outside its range: %j', (_name, chunks) => {
    expect(() => new PageStreamEncoder({ streamId, chunks })).toThrow(RangeError);
  });

  it.each([
    [
      'compression without a packer',
      () => new PageStreamEncoder({ streamId, chunks: { compression: { method: 'lz4' } } }),
    ],
    ['inheritPages without a parent', () => begun({}).inheritPages(0, [])],
  ])('refuses %s with TypeError', (_name, call) => {
    expect(call).toThrow(TypeError);
  });

  it('takes the largest values, and refuses regions that are not those of the parent', async () => {
    const parent = { ...sampleParent, chainLength: 63 };
    expect(
      new PageStreamEncoder({ streamId, chunks: { chunkBytes: 2 * 1024 * 1024, parent } }).features,
    ).toBe(34);
    expect(() => begun({ parent }, [{ ...region, sizeBytes: 8192 }])).toThrow(RangeError);
    await expect(begun().packPages(0, [run(0, 1)], page(1))).rejects.toThrow(TypeError);
  });

  it('inherits pages without a look at them, and finds by itself those that did not change', () => {
    const encoder = begun({ parent: sampleParent });
    const pages = [
      ...encoder.inheritPages(0, [{ firstPage: 2, pageCount: 2 }]),
      ...encoder.encodePages(0, [run(0, 2)], concat([page(0x41), page(9)])),
    ];
    const kinds = splitFrames(concat(pages)).map(({ payload: bytes }) => bytes[16 + 12]);
    expect(kinds).toEqual([KIND.parent, KIND.parent]);
    encoder.end();
    expect(encoder.totals).toMatchObject({ pages: 4, zeroPages: 0, dataBytes: 4096 });
    expect(() => encoder.inheritPages(0, [])).toThrow(TypeError);
  });

  it('refuses spans outside a region and pages that came before', () => {
    const encoder = begun({ parent: sampleParent });
    expect(() => encoder.inheritPages(0, [{ firstPage: 3, pageCount: 2 }])).toThrow(RangeError);
    encoder.inheritPages(0, [{ firstPage: 3, pageCount: 1 }]);
    expect(() => encoder.inheritPages(0, [{ firstPage: 3, pageCount: 1 }])).toThrow(RangeError);
  });
});

describe('pages as large as the payload of the reader', () => {
  const pageSize = 65_536;
  const regions = [{ id: 0, name: 'ram', sizeBytes: 2 * pageSize, pageSize }];
  const started = (maxPayloadBytes: number) => {
    const encoder = new PageStreamEncoder({
      streamId,
      limits: { ...formatLimits, maxPayloadBytes },
      chunks: {},
    });
    return [...encoder.start(regions), ...encoder.state({ kind: 'none', bytes: new Uint8Array() })].concat(
      encoder.encodePages(0, [run(0, 2)], page(1, 2 * pageSize)),
      encoder.end(),
    );
  };

  it('go in one frame each where a page and its run just fit', () => {
    const bytes = concat(started(pageSize + 48));
    const limits = { ...formatLimits, maxPayloadBytes: pageSize + 48 };
    expect(decode(bytes, { from: 'file', limits }).error).toBeUndefined();
    expect(splitFrames(bytes).filter(({ type }) => type === TYPE.chunks)).toHaveLength(2);
  });

  it('are STREAM_LIMIT where they do not', () => {
    expect(() => started(pageSize + 40)).toThrow(expect.objectContaining({ code: 'STREAM_LIMIT' }));
  });
});

describe('same-as runs', () => {
  it('refer to earlier pages, also of another region, and restore to the same', async () => {
    const contents = Array.from({ length: 64 }, (_, index) => 1 + (index % 32));
    const bytes = await encodeChunked(oneRegion(contents), { ...way, sameAs: true });
    const image = open(bytes);
    const kinds = contents.map((_, index) => image.locate(0, index).kind);
    expect(kinds.slice(0, 32)).not.toContain('same-as');
    expect(kinds.filter((kind) => kind === 'same-as').length).toBeGreaterThan(2);
    expect(readAll(image)[0]).toEqual(Uint8Array.from(contents));
    expect(restore(bytes).contents[0]).toEqual(Uint8Array.from(contents));
  });
});

describe('same-as runs of an increment', () => {
  it('take the place of old pages in the digest', async () => {
    const parent = open(await encodeChunked(oneRegion(Array.from({ length: 64 }, () => 9)), way));
    const contents = Array.from({ length: 64 }, (_, index) => 1 + (index % 32));
    const bytes = await encodeChunked(oneRegion(contents), { ...way, sameAs: true }, { parent, id: 8 });
    const image = open(bytes, parent);
    expect(contents.map((_, index) => image.locate(0, index).kind)).toContain('same-as');
    expect(readAll(image)[0]).toEqual(Uint8Array.from(contents));
    expect(restore(bytes, parent)).toMatchObject({ error: undefined, contents: [Uint8Array.from(contents)] });
  });
});

describe('an index', () => {
  it('with more entries than the limit is left out', () => {
    const builder = new IndexBuilder(2);
    builder.add(0, 0, 1, 64);
    builder.add(0, 2, 1, 64);
    expect(builder.payloads(500, 65_536)).toHaveLength(1);
    builder.add(0, 1, 1, 164);
    expect(builder.payloads(500, 65_536)).toEqual([]);
  });

  it('is in as many parts as its payloads need', async () => {
    const builder = new IndexBuilder();
    for (let index = 0; index < 3000; index++) builder.add(0, index, 1, 64 + 8 * index);
    const parts = builder.payloads(500, 65_536);
    expect(parts.map((part) => part.length)).toEqual([65_528, 16 + 24 * (3000 - 2729) + 16]);
  });
});

describe('features', () => {
  const wanted: ChunkOptions = {
    packer: new TestPacker(),
    compression: { method: 'zstd' },
    sameAs: true,
    index: true,
  };

  it('are those that a reader was given the means for', () => {
    expect(featureNames(readableFeatures({}))).toEqual(['CHUNKS', 'LZ4']);
    expect(readableFeatures({ codec: pureCodec })).toBe(6);
    // A migration stream is read by something else than a decoder of images.
    expect(featureNames(readableFeatures({ codec: testCodec, earlier: {}, parent: {} }))).toEqual(
      Object.keys(features).filter((name) => name !== 'MIGRATION'),
    );
    expect(ownHello('destination', undefined, 6).features).toBe(6);
    expect(ownHello('destination').features).toBe(0);
  });

  it('that a reader lacks are left out, so that it can read what is sent', () => {
    expect(agreeChunks(wanted, 0)).toBeUndefined();
    expect(agreeChunks(wanted, 2)).toEqual({ packer: wanted.packer, index: true });
    expect(agreeChunks(wanted, 2 + 16)).toEqual({ packer: wanted.packer, index: true, sameAs: true });
    expect(agreeChunks(wanted, 63)).toEqual(wanted);
  });

  it('PARENT cannot be left out', () => {
    const increment = { ...wanted, parent: sampleParent };
    expect(agreeChunks(increment, 63)).toEqual(increment);
    expect(() => agreeChunks(increment, 31)).toThrow(expect.objectContaining({ code: 'STREAM_FEATURE' }));
    expect(() => agreeChunks(increment, 0)).toThrow(expect.objectContaining({ code: 'STREAM_FEATURE' }));
  });
});

/** The start of an image of `pages` pages, up to a CHUNKS frame of `runs`. */
function stream(pages: number, runs: Parameters<typeof chunk.chunks>[0]): Uint8Array {
  return joinFrames([
    { type: TYPE.header, payload: payload.header({ required: FEATURE.chunks + FEATURE.lz4 }) },
    { type: TYPE.regions, payload: payload.regions([{ sizeBytes: pages * 4096 }]) },
    { type: TYPE.state, payload: payload.state() },
    { type: TYPE.chunks, payload: chunk.chunks(runs) },
  ]);
}

describe('a decoder', () => {
  const limits = { ...formatLimits, maxPayloadBytes: 65_536 };

  it.each([
    ['below', 15, 'STREAM_TRUNCATED'],
    ['at', 16, 'STREAM_TRUNCATED'],
    ['above', 17, 'STREAM_LIMIT'],
  ])('takes chunks that unpack to no more than a payload: %s the limit', (_name, pages, code) => {
    const bytes = stream(pages, [{ first: 0, count: pages, kind: KIND.lz4, stored: lz4Of(1, pages * 4096) }]);
    expect(decode(bytes, { from: 'file', limits }).error).toMatch(new RegExp(`^${code}@`));
  });

  it('counts all runs of a frame against that limit before it unpacks one', () => {
    const runs = Array.from({ length: 5 }, (_, index) => ({
      first: 4 * index,
      count: 4,
      kind: KIND.lz4,
      stored: lz4Of(1, 16_384),
    }));
    expect(decode(stream(20, runs), { from: 'file', limits }).error).toBe(
      `STREAM_LIMIT@${232 + 16 + 4 * 32 + 8}`,
    );
    expect(decode(stream(20, runs.slice(0, 4)), { from: 'file', limits }).error).toMatch(/^STREAM_TRUNCATED/);
  });

  it('unpacks as frames are taken, into memory that it uses again', () => {
    const frames = splitFrames(stream(8, [{ first: 0, count: 4, kind: KIND.lz4, stored: lz4Of(1, 16_384) }]));
    const second = chunk.chunks([{ first: 4, count: 4, kind: KIND.lz4, stored: lz4Of(2, 16_384) }]);
    const bytes = joinFrames([...frames, { type: TYPE.chunks, payload: second }]);
    const seen: (number | undefined)[] = [];
    let first: Uint8Array | undefined;
    for (const frame of new PageStreamDecoder({ from: 'file' }).push(bytes)) {
      if (frame.type !== 'pages') continue;
      seen.push(frame.bytes[0]);
      first ??= frame.bytes;
    }
    expect(seen).toEqual([1, 2]);
    expect(first?.[0]).toBe(2);
    // As a list each has memory of its own.
    const listed = new PageStreamDecoder({ from: 'file' }).push(bytes).frames;
    expect(listed.flatMap((frame) => (frame.type === 'pages' ? [frame.bytes[0]] : []))).toEqual([1, 2]);
  });

  it('decodes what was not taken when the next bytes come', () => {
    const bytes = stream(4, [{ first: 0, count: 4, kind: KIND.lz4, stored: lz4Of(1, 16_384) }]);
    const decoder = new PageStreamDecoder({ from: 'file' });
    decoder.push(bytes);
    expect(() => decoder.finish()).toThrow(expect.objectContaining({ code: 'STREAM_TRUNCATED' }));
    expect(decoder.offset).toBe(bytes.length);
  });
});
