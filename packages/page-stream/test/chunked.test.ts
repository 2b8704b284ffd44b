import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDigest, lowerLimits } from '../src/index.ts';
import { chunkWays, encodeChunked, oneRegion, open, readAll, restore, way } from './chunked-images.ts';
import { decode, type Feed, fingerprints } from './decode.ts';
import { fullReader } from './full-reader.ts';
import { joinDigest } from './reference-checksums.ts';
import type { ReferenceParent } from './reference-chunks.ts';
import { referenceDecode } from './reference-decoder.ts';
import { encodeImage, sampleImage } from './sample-images.ts';

const feed: fc.Arbitrary<Feed> = fc.record({
  lengths: fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 4 }),
  way: fc.constantFrom('push' as const, 'wrote' as const),
});

function digestOf(frames: ReturnType<typeof decode>['frames']): string {
  const end = frames.at(-1);
  return end?.type === 'end' ? formatDigest(end.digest) : 'no END';
}

/** For a reader that must know every feature although the image is no increment. */
const noParent: ReferenceParent = {
  digest: 0n,
  streamId: new Uint8Array(16),
  chainLength: 0,
  regions: [],
  page: () => new Uint8Array(),
};

describe('an image in chunks', () => {
  it('comes back as it was, in any chunks of the stream, with the digest that it has in PAGES frames', async () => {
    await fc.assert(
      fc.asyncProperty(sampleImage, chunkWays, feed, async (image, anyWay, chunks) => {
        const { frames, error, contents } = restore(await encodeChunked(image, anyWay), undefined, chunks);
        expect(error).toBeUndefined();
        expect(contents).toEqual(image.contents);
        expect(digestOf(frames)).toBe(digestOf(decode(encodeImage(image), { from: 'file' }).frames));
      }),
      { numRuns: 40 },
    );
  });

  it('reads the same to the reference decoder', async () => {
    await fc.assert(
      fc.asyncProperty(sampleImage, chunkWays, async (image, anyWay) => {
        const bytes = await encodeChunked(image, anyWay);
        const reference = referenceDecode(bytes, 'file', lowerLimits(), noParent);
        expect(reference.error).toBeUndefined();
        expect(fingerprints(restore(bytes).frames)).toEqual(fingerprints(reference.frames));
      }),
      { numRuns: 15 },
    );
  });

  it('gives every page by random access, with and without an index', async () => {
    await fc.assert(
      fc.asyncProperty(sampleImage, chunkWays, async (image, anyWay) => {
        const stored = open(await encodeChunked(image, anyWay));
        expect(stored.index).toBe(anyWay.index ? 'used' : 'absent');
        expect(readAll(stored)).toEqual(image.contents);
        expect(stored.readState().bytes).toHaveLength(image.stateBytes);
      }),
      { numRuns: 40 },
    );
  });

  it('can be cut at every byte, and no cut is taken for a whole', async () => {
    const image = oneRegion([1, 0, 2, 2, 1, 3]);
    const bytes = await encodeChunked(image, { ...way, chunkBytes: 4096, method: 'lz4', sameAs: true });
    expect(bytes.length).toBeLessThan(2000);
    for (let length = 0; length < bytes.length; length++) {
      expect(restore(bytes.subarray(0, length)).error).toBe(`STREAM_TRUNCATED@${length}`);
    }
    expect(restore(bytes, undefined, { lengths: [1], way: 'push' }).contents).toEqual(image.contents);
  });
});

/** Another content for the same regions: each page its own, or that of `from`. */
const changes = fc.infiniteStream(fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 3 })));

describe('an increment', () => {
  it('restores over its parent, reads the same to the reference decoder, and by random access through the chain', async () => {
    await fc.assert(
      fc.asyncProperty(sampleImage, changes, chunkWays, chunkWays, async (base, stream, baseWay, way2) => {
        const changed = {
          ...base,
          contents: base.contents.map((pages) => pages.map((byte) => stream.next().value ?? byte)),
          slabs: base.slabs.map(({ region, runs }) => ({
            region,
            runs: runs.map((run) => ({ ...run, kind: 'data' as const })),
          })),
        };
        const parent = open(await encodeChunked(base, baseWay));
        const bytes = await encodeChunked(changed, way2, { parent, id: 8 });
        const { frames, error, contents } = restore(bytes, parent);
        expect(error).toBeUndefined();
        expect(contents).toEqual(changed.contents);
        expect(digestOf(frames)).toBe(digestOf(decode(encodeImage(changed), { from: 'file' }).frames));
        const image = open(bytes, parent);
        expect(image.chainLength).toBe(1);
        expect(readAll(image)).toEqual(changed.contents);
        const reference = referenceDecode(bytes, 'file', lowerLimits(), {
          digest: joinDigest(parent.digest),
          streamId: parent.streamId,
          chainLength: 0,
          regions: parent.regions,
          page: (region, page) =>
            new Uint8Array(parent.regions[region]!.pageSize).fill(base.contents[region]![page]!),
        });
        expect(reference.error).toBeUndefined();
        expect(fingerprints(frames)).toEqual(fingerprints(reference.frames));
      }),
      { numRuns: 20 },
    );
  });

  it('needs its own parent, and the whole chain for pages that no image in between has', async () => {
    const parent = open(await encodeChunked(oneRegion([1, 2, 3, 4]), way));
    const second = await encodeChunked(oneRegion([1, 9, 3, 4]), way, { parent, id: 8 });
    const middle = open(second, parent);
    const third = await encodeChunked(oneRegion([1, 9, 3, 5]), way, { parent: middle, id: 9 });
    expect(open(third, middle).chainLength).toBe(2);
    expect(readAll(open(third, middle))[0]).toEqual(Uint8Array.of(1, 9, 3, 5));
    expect(() => open(third, parent)).toThrow(expect.objectContaining({ code: 'STREAM_PARENT' }));
    const alone = open(third);
    const page = new Uint8Array(4096);
    alone.readPages(0, 3, page);
    expect(page[0]).toBe(5);
    expect(() => alone.readPages(0, 0, page)).toThrow(expect.objectContaining({ code: 'STREAM_PARENT' }));
    expect(restore(third, parent).error).toMatch(/^STREAM_PARENT@/);
    const { options } = fullReader();
    expect(decode(third, { from: 'file', codec: options.codec! }).error).toBe('STREAM_FEATURE@40');
  });

  it('of which nothing changed is a few hundred bytes', async () => {
    const parent = open(await encodeChunked(oneRegion([1, 2, 3, 4]), way));
    const bytes = await encodeChunked(oneRegion([1, 2, 3, 4]), { ...way, index: false }, { parent, id: 8 });
    expect(bytes.length).toBeLessThan(600);
  });
});
