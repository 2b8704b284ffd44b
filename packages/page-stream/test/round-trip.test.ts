import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Frame, formatDigest, lowerLimits, PageStreamDecoder, StateCollector } from '../src/index.ts';
import { type Decoded, decode, type Feed, fingerprints } from './decode.ts';
import { referenceDecode } from './reference-decoder.ts';
import { encodeImage, sampleImage, type SampleImage } from './sample-images.ts';
import { destinationStream, exampleStream, richStream, sourceStream } from './sample-streams.ts';

const feed: fc.Arbitrary<Feed> = fc.record({
  lengths: fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 80_000 })), {
    minLength: 1,
    maxLength: 6,
  }),
  way: fc.constantFrom('push' as const, 'wrote' as const),
});

/** The byte that fills each page, put together from PAGES frames. */
function contentsOf(frames: readonly Frame[], { regions }: SampleImage): Uint8Array[] {
  const contents = regions.map(({ sizeBytes, pageSize }) => new Uint8Array(sizeBytes / pageSize).fill(0xee));
  for (const frame of frames) {
    if (frame.type !== 'pages') continue;
    const pageSize = regions[frame.region]?.pageSize ?? 0;
    let at = 0;
    for (const { firstPage, pageCount, kind } of frame.runs) {
      for (let page = firstPage; page < firstPage + pageCount; page++) {
        const bytes = kind === 'data' ? frame.bytes.subarray(at, at + pageSize) : new Uint8Array(pageSize);
        if (kind === 'data') at += pageSize;
        const [first = 0] = bytes;
        if (bytes.some((byte) => byte !== first)) throw new Error(`page ${page} is torn`);
        contents[frame.region]?.fill(first, page, page + 1);
      }
    }
  }
  return contents;
}

function expectSame(one: Decoded, other: Decoded): void {
  expect(one.error).toBe(other.error);
  expect(fingerprints(one.frames)).toEqual(fingerprints(other.frames));
}

describe('an image', () => {
  it('comes back as it was, whatever the regions, the slabs and the order', () => {
    fc.assert(
      fc.property(sampleImage, (image) => {
        const { frames, error } = decode(encodeImage(image), { from: 'file' });
        expect(error).toBeUndefined();
        expect(contentsOf(frames, image)).toEqual(image.contents);
        const collector = new StateCollector();
        const states = frames.flatMap((frame) => (frame.type === 'state' ? [collector.add(frame)] : []));
        const expected = new Uint8Array(image.stateBytes).map((_, index) => index);
        expect(states.at(-1)?.kind).toBe('sample@1');
        expect(Buffer.compare(states.at(-1)?.bytes ?? new Uint8Array(), expected)).toBe(0);
        expect(states.slice(0, -1).every((state) => state === undefined)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('has the same digest whatever the slabs and the order', () => {
    fc.assert(
      fc.property(sampleImage, (image) => {
        const reversed = { ...image, slabs: image.slabs.toReversed(), maxPayloadBytes: 65_536 };
        const digests = [image, reversed].map((each) => {
          const end = decode(encodeImage(each), { from: 'file' }).frames.at(-1);
          return end?.type === 'end' ? formatDigest(end.digest) : 'no END';
        });
        expect(digests[0]).toBe(digests[1]);
      }),
      { numRuns: 40 },
    );
  });

  it('gives the same frames in any chunks, pushed or read in place', () => {
    fc.assert(
      fc.property(sampleImage, feed, (image, chunks) => {
        const bytes = encodeImage(image);
        expectSame(decode(bytes, { from: 'file' }, chunks), decode(bytes, { from: 'file' }));
      }),
      { numRuns: 80 },
    );
  });

  it('reads the same to the reference decoder', () => {
    fc.assert(
      fc.property(sampleImage, (image) => {
        const bytes = encodeImage(image);
        const reference = referenceDecode(bytes, 'file', lowerLimits());
        expect(reference.error).toBeUndefined();
        expectSame(decode(bytes, { from: 'file' }), { frames: reference.frames, error: undefined });
      }),
      { numRuns: 25 },
    );
  });
});

describe('every cut of a stream', () => {
  it.each([
    ['file', exampleStream()],
    ['source', sourceStream()],
    ['destination', destinationStream()],
  ] as const)('from a %s is STREAM_TRUNCATED at its length', (from, bytes) => {
    for (let length = 0; length < bytes.length; length++) {
      const { error } = decode(bytes.subarray(0, length), { from });
      // The image of a source may end before its connection does.
      expect(error).toBe(`STREAM_TRUNCATED@${length}`);
    }
  });

  it('in one chunk or in many is the same', () => {
    const bytes = richStream();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), feed, (length, chunks) => {
        const cut = bytes.subarray(0, length);
        expectSame(decode(cut, { from: 'file' }, chunks), decode(cut, { from: 'file' }));
      }),
      { numRuns: 40 },
    );
  });

  it('pushed byte by byte tells nothing until a frame is whole', () => {
    const bytes = exampleStream();
    const decoder = new PageStreamDecoder({ from: 'file' });
    const ends: number[] = [];
    for (let at = 0; at < bytes.length; at++) {
      const { frames } = decoder.push(bytes.subarray(at, at + 1));
      if (frames.length > 0) ends.push(at + 1);
    }
    expect(ends).toEqual([0x40, 0x88, 0xc8, 0x1110, 0x1158]);
  });
});
