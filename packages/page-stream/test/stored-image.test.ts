import { describe, expect, it } from 'vitest';
import { openImage, PageStreamError, type StoredImage } from '../src/index.ts';
import * as chunk from './chunk-payloads.ts';
import { KIND } from './chunk-payloads.ts';
import { encodeChunked, oneRegion, open, readAll, way } from './chunked-images.ts';
import * as payload from './payloads.ts';
import { TYPE } from './payloads.ts';
import { concat, joinFrames, pack, type RawFrame, splitFrames } from './raw-frames.ts';
import { exampleStream, page, richStream } from './sample-streams.ts';

const contents = [1, 0, 2, 2, 1, 3, 0, 0];
const bytes = await encodeChunked(oneRegion(contents), way);
const frames = splitFrames(bytes);
const indexAt = frames.findIndex(({ type }) => type === TYPE.index);

/** The image with another index. */
function withIndex(index: Uint8Array): Uint8Array {
  return joinFrames(frames.with(indexAt, { ...frames[indexAt]!, payload: index }));
}

/** A copy of the index payload with a number put at `at`. */
function changed(at: number, value: number, size: 4 | 8 = 8): Uint8Array {
  const copy = frames[indexAt]!.payload.slice();
  copy.set(pack([size, value]), at);
  return copy;
}

function codeOf(read: () => unknown): string {
  try {
    read();
    return 'ok';
  } catch (error) {
    if (!(error instanceof PageStreamError)) throw error;
    return error.code;
  }
}

function expectAllPages(image: StoredImage): void {
  expect(readAll(image)[0]).toEqual(Uint8Array.from(contents));
}

/** A stream with same-as runs and these frames of pages. */
function withPages(pages: RawFrame[]): Uint8Array {
  return joinFrames([
    { type: TYPE.header, payload: payload.header({ required: 2 + 16 }) },
    { type: TYPE.regions, payload: payload.regions([{}]) },
    { type: TYPE.state, payload: payload.state() },
    ...pages,
    { type: TYPE.end, payload: payload.end({ frames: 3 + pages.length }) },
  ]);
}

function same(first: number, count: number, sourcePage: number): RawFrame {
  return { type: TYPE.chunks, payload: chunk.chunks([{ first, count, kind: KIND.sameAs, sourcePage }]) };
}

describe('an index', () => {
  it('is used, so that only the head, the index and END are read', () => {
    const reads: [number, number][] = [];
    const image = openImage(
      (offset, length) => {
        reads.push([offset, length]);
        return bytes.slice(offset, offset + length);
      },
      { sizeBytes: bytes.length },
    );
    expect(image.index).toBe('used');
    const pagesStart = 64 + 72 + 32 + 24 + 16 + 8;
    const untouched = reads.every(([offset]) => offset < pagesStart || offset >= bytes.length - 72 - 400);
    expect(untouched).toBe(true);
    expectAllPages(image);
  });

  it.each([
    ['a checksum that is wrong', () => bytes.with(bytes.length - 72 - 20, 0xff)],
    ['an entry of another region', () => withIndex(changed(16, 1, 4))],
    ['an entry without pages', () => withIndex(changed(20, 0, 4))],
    ['an entry with too many pages', () => withIndex(changed(20, 9, 4))],
    ['a gap', () => withIndex(changed(24, 1))],
    ['a frame in the head', () => withIndex(changed(32, 0))],
    ['a frame behind the index', () => withIndex(changed(32, bytes.length))],
    ['a frame at an odd place', () => withIndex(changed(32, 225))],
    ['a part number that is wrong', () => withIndex(changed(0, 1, 4))],
    ['a part that is missing', () => withIndex(changed(4, 2, 4))],
    ['a count that does not fit', () => withIndex(changed(8, 9999, 4))],
    ['a start in the pages', () => withIndex(changed(frames[indexAt]!.payload.length - 16, 224))],
    ['a start above 2^53', () => withIndex(changed(frames[indexAt]!.payload.length - 16, 2 ** 60))],
  ])('with %s is not used, and the frames are walked', (_name, damaged) => {
    const image = open(damaged());
    expect(image.index).toBe('damaged');
    expectAllPages(image);
  });

  it('without its magic is none', () => {
    const image = open(withIndex(changed(frames[indexAt]!.payload.length - 8, 0)));
    expect(image.index).toBe('absent');
    expectAllPages(image);
  });

  it('that names another frame than the one with the page is found out when the page is read', () => {
    const second = 16 + 24;
    const image = open(
      withIndex(
        changed(second + 16, Number(new DataView(frames[indexAt]!.payload.buffer).getBigUint64(32, true))),
      ),
    );
    expect(image.index).toBe('used');
    expectAllPages(image);
    expect(image.index).toBe('damaged');
  });
});

describe('random access', () => {
  it('reads PAGES frames, of any page size, as it reads CHUNKS', () => {
    const image = open(richStream());
    expect(image.index).toBe('absent');
    const small = new Uint8Array(8 * 4096);
    image.readPages(0, 0, small);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((index) => small[index * 4096])).toEqual([
      0x10, 0x11, 0, 3, 4, 5, 6, 0,
    ]);
    const large = new Uint8Array(16_384);
    image.readPages(1, 3, large);
    expect(large.every((byte) => byte === 0x33)).toBe(true);
    expect(image.readState()).toEqual({ kind: 'sample/state@1', bytes: page(0x53, 70_003) });
  });

  it('says where a page is stored', () => {
    const image = open(bytes);
    expect(image.locate(0, 1)).toMatchObject({ kind: 'zero', firstPage: 1, pageCount: 1, storedBytes: 0 });
    expect(image.locate(0, 3)).toMatchObject({ kind: 'data', firstPage: 2, pageCount: 2, storedBytes: 8192 });
  });

  it('refuses pages and regions that do not exist', () => {
    const image = open(bytes);
    expect(() => image.readPages(1, 0, new Uint8Array(4096))).toThrow(RangeError);
    expect(() => image.readPages(0, 8, new Uint8Array(4096))).toThrow(RangeError);
    expect(() => image.readPages(0, 7, new Uint8Array(8192))).toThrow(RangeError);
    expect(() => image.locate(0, -1)).toThrow(RangeError);
  });

  it('of a damaged chunk is an error, of its neighbours is not', () => {
    const damaged = bytes.slice();
    const { frameOffset } = open(bytes).locate(0, 2);
    damaged[frameOffset + 32 + 16 + 32 + 5000] = 0xee;
    const image = open(damaged);
    expect(codeOf(() => image.readPages(0, 2, new Uint8Array(4096)))).toBe('STREAM_PAYLOAD_CRC');
    image.readPages(0, 4, new Uint8Array(4096));
  });

  it('does not follow chains of same-as runs, nor a run that refers to itself', () => {
    const data: RawFrame = { type: TYPE.pages, payload: payload.pages([[0, 1, 0]], page(1)) };
    const chain = open(withPages([data, same(1, 1, 0), same(2, 2, 1)]));
    chain.readPages(0, 1, new Uint8Array(4096));
    expect(codeOf(() => chain.readPages(0, 2, new Uint8Array(4096)))).toBe('STREAM_BAD_VALUE');
    const circle = open(withPages([same(0, 4, 0)]));
    expect(codeOf(() => circle.readPages(0, 0, new Uint8Array(4096)))).toBe('STREAM_BAD_VALUE');
  });
});

describe('openImage', () => {
  it('refuses what is not whole: each cut of an image', () => {
    const example = exampleStream();
    for (let length = 0; length < example.length; length++) {
      expect(codeOf(() => open(example.subarray(0, length)))).not.toBe('ok');
    }
  });

  it.each([
    ['a page that never comes', [[0, 3, 1]], 'STREAM_PAGES_MISSING'],
    [
      'a page that comes twice',
      [
        [0, 4, 1],
        [3, 1, 1],
      ],
      'STREAM_PAGE_REPEATED',
    ],
  ] as const)('refuses %s', (_name, runs, code) => {
    const image = joinFrames([
      { type: TYPE.header, payload: payload.header() },
      { type: TYPE.regions, payload: payload.regions([{}]) },
      { type: TYPE.state, payload: payload.state() },
      { type: TYPE.pages, payload: payload.pages(runs) },
      { type: TYPE.end, payload: payload.end() },
    ]);
    expect(codeOf(() => open(image))).toBe(code);
  });

  it('refuses frames out of sequence, and a frame that reaches into END', () => {
    const gap = joinFrames(
      frames.filter(({ type }) => type !== TYPE.index).with(4, { ...frames[4]!, sequence: 9 }),
    );
    expect(codeOf(() => open(gap))).toBe('STREAM_SEQUENCE');
    const example = exampleStream();
    const nested = concat([
      example.subarray(0, 200),
      example.subarray(200),
      example.subarray(example.length - 72),
    ]);
    expect(codeOf(() => open(nested))).not.toBe('ok');
  });
});

describe('an image that is trusted', () => {
  it('reads single pages of a chunk that is not compressed alone', async () => {
    const plain = await encodeChunked(oneRegion([1, 2, 3, 4, 5, 6]), way);
    const reads: number[] = [];
    const readAt = (offset: number, length: number) => {
      reads.push(length);
      return plain.slice(offset, offset + length);
    };
    const image = openImage(readAt, { sizeBytes: plain.length, isTrusted: true });
    const one = new Uint8Array(4096);
    image.readPages(0, 1, one);
    expect(one).toEqual(page(2));
    expect(Math.max(...reads)).toBe(4096);
    expect(readAll(image)[0]).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6));
  });

  it('reads no index before a page is asked for', async () => {
    const stored = await encodeChunked(oneRegion([1, 2, 3]), { ...way, index: true });
    const read = { bytes: 0 };
    const readAt = (offset: number, length: number) => {
      read.bytes += length;
      return stored.slice(offset, offset + length);
    };
    openImage(readAt, { sizeBytes: stored.length });
    const allBytes = read.bytes;
    read.bytes = 0;
    const image = openImage(readAt, { sizeBytes: stored.length, isTrusted: true });
    expect(read.bytes).toBeLessThan(allBytes);
    expect(image.index).toBe('used');
    expect(read.bytes).toBe(allBytes);
    expect(readAll(image)[0]).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('checks what it reads as a whole', async () => {
    const plain = await encodeChunked(oneRegion([1, 2, 3, 4]), way);
    const at = plain.findIndex((byte, index) => byte === 3 && plain[index + 1000] === 3);
    plain[at]! ^= 0xff;
    const image = openImage((offset, length) => plain.slice(offset, offset + length), {
      sizeBytes: plain.length,
      isTrusted: true,
    });
    expect(codeOf(() => image.readPages(0, 2, new Uint8Array(2 * 4096)))).toBe('STREAM_PAYLOAD_CRC');
  });
});
