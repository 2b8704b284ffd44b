import { describe, expect, it } from 'vitest';
import {
  formatDigest,
  formatLimits,
  type PageRun,
  PageStreamEncoder,
  pureCodec,
  type RegionEntry,
} from '../src/index.ts';
import { decode } from './decode.ts';
import { concat } from './raw-frames.ts';
import { page, streamId } from './sample-streams.ts';

const ram: RegionEntry = { id: 0, name: 'ram', sizeBytes: 4096 * 4096, pageSize: 4096 };
const state = { kind: 'none', bytes: new Uint8Array() };

function ready(limits = formatLimits, regions: readonly RegionEntry[] = [ram]) {
  const encoder = new PageStreamEncoder({ streamId, limits });
  const written = [...encoder.start(regions), ...encoder.state(state)];
  return { encoder, written };
}

function data(firstPage: number, pageCount = 1): PageRun {
  return { firstPage, pageCount, kind: 'data' };
}

function zero(firstPage: number, pageCount = 1): PageRun {
  return { firstPage, pageCount, kind: 'zero' };
}

/** The run tables of the PAGES frames that these runs become. */
function sent(runs: readonly PageRun[], bytes: Uint8Array, limits = formatLimits): (readonly PageRun[])[] {
  const { encoder, written } = ready(limits);
  const stream = concat([...written, ...encoder.encodePages(0, runs, bytes)]);
  const { frames } = decode(stream, { from: 'file' });
  return frames.flatMap((frame) => (frame.type === 'pages' ? [frame.runs] : []));
}

describe('encodePages', () => {
  it('returns a fresh head and views of the bytes it was given', () => {
    const { encoder } = ready();
    const bytes = concat([page(1), page(2), page(0), page(3), page(0), page(0)]);
    const [head, ...views] = encoder.encodePages(0, [data(10, 6)], bytes);
    expect(head?.buffer).not.toBe(bytes.buffer);
    expect(head).toHaveLength(32 + 8 + 4 * 16);
    expect(views.map(({ buffer }) => buffer === bytes.buffer)).toEqual([true, true]);
    expect(views.map(({ byteOffset, length }) => [byteOffset, length])).toEqual([
      [0, 8192],
      [3 * 4096, 4096],
    ]);
  });

  it('gives one view for runs that are neighbours in memory, whatever their page numbers', () => {
    const { encoder } = ready();
    const buffers = encoder.encodePages(0, [data(90), data(7, 2)], page(1, 3 * 4096));
    expect(buffers.map(({ length }) => length)).toEqual([32 + 8 + 2 * 16, 3 * 4096]);
  });

  it('never writes to a buffer that it returned before', () => {
    const { encoder } = ready();
    const first = encoder.encodePages(0, [data(0)], page(1));
    const copies = first.map((buffer) => buffer.slice());
    encoder.encodePages(0, [data(1)], page(2));
    expect(first).toEqual(copies);
  });

  it('turns pages of zeros into zero runs and merges them with their neighbours', () => {
    const bytes = concat([page(1), page(0), page(0), page(2)]);
    expect(
      sent([zero(4), data(5, 2), data(7, 2), zero(20)], concat([page(0), bytes.subarray(4096)])),
    ).toEqual([[zero(4, 4), data(8), zero(20)]]);
    expect(sent([data(0, 2), zero(2, 3), data(5, 2)], bytes)).toEqual([[data(0), zero(1, 5), data(6)]]);
  });

  it('merges data runs that continue one another', () => {
    expect(sent([data(3), data(4, 2), data(9)], page(1, 4 * 4096))).toEqual([[data(3, 3), data(9)]]);
  });

  it('sends a slab of zeros as one run without bytes', () => {
    const { encoder } = ready();
    const buffers = encoder.encodePages(0, [data(0, 256)], new Uint8Array(256 * 4096));
    expect(buffers.map(({ length }) => length)).toEqual([32 + 8 + 16]);
  });

  it('covers a region of the largest size with one run', () => {
    const hole = { ...ram, sizeBytes: 2 ** 42 };
    const { encoder } = ready(formatLimits, [hole]);
    expect(encoder.encodePages(0, [zero(0, 2 ** 30)], new Uint8Array())).toHaveLength(1);
    expect(encoder.end()).toHaveLength(1);
    expect(encoder.totals).toMatchObject({ pages: 2 ** 30, zeroPages: 2 ** 30, dataBytes: 0, frames: 4 });
  });

  it('sends a slab of a MiB as one frame', () => {
    expect(sent([data(0, 256)], page(1, 256 * 4096))).toEqual([[data(0, 256)]]);
  });

  it('divides what is too large for one frame', () => {
    const limits = { ...formatLimits, maxPayloadBytes: 65_536 };
    expect(sent([data(0, 20), zero(30), data(40)], page(1, 21 * 4096), limits)).toEqual([
      [data(0, 15)],
      [data(15, 5), zero(30), data(40)],
    ]);
  });

  it.each([
    [15, [data(0, 15)], 0],
    [16, [data(0, 16)], 0],
    [16, [data(0, 15)], 8],
  ])('fills a payload up to the last byte: %d pages', (pageCount, firstFrame, missingBytes) => {
    const limits = { ...formatLimits, maxPayloadBytes: 8 + 16 + 16 * 4096 - missingBytes };
    expect(sent([data(0, pageCount)], page(1, pageCount * 4096), limits)[0]).toEqual(firstFrame);
  });

  it('divides slabs at the end of what one zero scan takes', () => {
    const bytes = page(0, 2050 * 4096);
    bytes.fill(1, 2047 * 4096, 2049 * 4096);
    expect(sent([data(0, 2050)], bytes)).toEqual([[zero(0, 2047), data(2047, 2), zero(2049)]]);
  });

  it('divides at MAX_RUNS', () => {
    const big = { ...ram, sizeBytes: 40_000 * 4096 };
    const { encoder, written } = ready(formatLimits, [big]);
    const runs = Array.from({ length: 16_385 }, (_, index) => zero(index * 2));
    const buffers = encoder.encodePages(0, runs, new Uint8Array());
    const { frames } = decode(concat([...written, ...buffers]), { from: 'file' });
    expect(frames.flatMap((frame) => (frame.type === 'pages' ? [frame.runs.length] : []))).toEqual([
      16_384, 1,
    ]);
  });

  it('calls the codec once for each slab and each run, not for each page', () => {
    const calls = { crc32c: 0, findZeroRuns: 0, digestRun: 0 };
    const codec = {
      crc32c: (...args: Parameters<typeof pureCodec.crc32c>) => (calls.crc32c++, pureCodec.crc32c(...args)),
      findZeroRuns: (...args: Parameters<typeof pureCodec.findZeroRuns>) => (
        calls.findZeroRuns++, pureCodec.findZeroRuns(...args)
      ),
      digestRun: (...args: Parameters<typeof pureCodec.digestRun>) => (
        calls.digestRun++, pureCodec.digestRun(...args)
      ),
    };
    const encoder = new PageStreamEncoder({ streamId, codec });
    encoder.start([ram]);
    encoder.state(state);
    calls.crc32c = 0;
    encoder.encodePages(0, [data(0, 100), data(200, 100)], page(1, 200 * 4096));
    expect(calls).toEqual({ crc32c: 1, findZeroRuns: 1, digestRun: 2 });
  });

  it.each([
    ['a region that does not exist', 1, [data(0)], 4096],
    ['bytes that are too short', 0, [data(0, 2)], 4096],
    ['bytes that are too long', 0, [data(0)], 8192],
    ['bytes for a zero run', 0, [zero(0)], 4096],
    ['pages beyond the region', 0, [zero(4095, 2)], 0],
    ['a negative page', 0, [zero(-1)], 0],
    ['half a page', 0, [zero(0.5)], 0],
    ['no pages', 0, [zero(0, 0)], 0],
    ['a page twice in one call', 0, [zero(3, 2), zero(4)], 0],
  ])('refuses %s', (_, region, runs, byteCount) => {
    const { encoder } = ready();
    expect(() => encoder.encodePages(region, runs, page(1, byteCount))).toThrow(RangeError);
  });

  it('refuses a page that was encoded before', () => {
    const { encoder } = ready();
    encoder.encodePages(0, [zero(0, 9)], new Uint8Array());
    expect(() => encoder.encodePages(0, [data(8)], page(1))).toThrow(RangeError);
  });
});

describe('end', () => {
  it('needs every page and counts what was sent', () => {
    const small = { ...ram, sizeBytes: 4 * 4096 };
    const { encoder } = ready(formatLimits, [small, { ...small, id: 1 }]);
    encoder.encodePages(0, [data(0, 4)], concat([page(1), page(0), page(2), page(3)]));
    encoder.encodePages(1, [zero(0, 3)], new Uint8Array());
    expect(() => encoder.end()).toThrow(/page 3 of region 1/);
    encoder.encodePages(1, [zero(3)], new Uint8Array());
    encoder.end();
    expect(encoder.totals).toMatchObject({ pages: 8, zeroPages: 5, dataBytes: 3 * 4096, frames: 6 });
    expect(formatDigest(encoder.totals.digest)).toMatch(/^(?!0{16})[0-9a-f]{16}$/);
  });
});

describe('totals', () => {
  it('are those of the moment', () => {
    const { encoder } = ready();
    const before = encoder.totals;
    encoder.encodePages(0, [data(0)], page(1));
    expect(before).toMatchObject({ pages: 0, dataBytes: 0, digest: Uint32Array.of(0, 0) });
    expect(encoder.totals.digest).not.toEqual(before.digest);
  });
});

describe('order of calls', () => {
  it('is start, state, encodePages, end', () => {
    const encoder = new PageStreamEncoder({ streamId });
    const hole = { ...ram, sizeBytes: 4096 };
    expect(() => encoder.state(state)).toThrow(TypeError);
    encoder.start([hole]);
    expect(() => encoder.start([hole])).toThrow(TypeError);
    expect(() => encoder.encodePages(0, [zero(0)], new Uint8Array())).toThrow(TypeError);
    expect(() => encoder.end()).toThrow(TypeError);
    encoder.state(state);
    expect(() => encoder.state(state)).toThrow(TypeError);
    encoder.encodePages(0, [zero(0)], new Uint8Array());
    encoder.end();
    expect(() => encoder.end()).toThrow(TypeError);
    expect(() => encoder.encodePages(0, [], new Uint8Array())).toThrow(TypeError);
  });
});

describe('start', () => {
  it.each([
    ['an id that is not the position', { id: 1 }],
    ['a page size that is no power of two', { pageSize: 12_288, sizeBytes: 12_288 }],
    ['a page size that is too small', { pageSize: 2048 }],
    ['a page size that is too large', { pageSize: 4 * 1024 * 1024, sizeBytes: 4 * 1024 * 1024 }],
    ['half a page', { sizeBytes: 6144 }],
    ['no pages', { sizeBytes: 0 }],
    ['a size that is no number', { sizeBytes: Number.NaN }],
  ])('refuses %s', (_, over) => {
    expect(() => new PageStreamEncoder({ streamId }).start([{ ...ram, ...over }])).toThrow(RangeError);
  });

  it.each([
    ['', '-'],
    ['a\u001b[2Jb\n', 'a [2Jb '],
    ['ä'.repeat(200), 'ä'.repeat(127)],
    [`x${'💾'.repeat(100)}`, `x${'💾'.repeat(63)}`],
  ])('makes a label of the name %j', (name, label) => {
    const encoder = new PageStreamEncoder({ streamId });
    const { frames } = decode(concat(encoder.start([{ ...ram, name }])), { from: 'file' });
    expect(frames[1]).toMatchObject({ type: 'regions', regions: [{ ...ram, name: label }] });
  });

  it('keeps the stream id as it was', () => {
    const given = streamId.slice();
    const encoder = new PageStreamEncoder({ streamId: given });
    given.fill(0xff);
    const { frames } = decode(concat(encoder.start([ram])), { from: 'file' });
    expect(frames[0]).toMatchObject({ type: 'header', streamId });
  });

  it('refuses a stream id of another length', () => {
    expect(() => new PageStreamEncoder({ streamId: new Uint8Array(15) })).toThrow(RangeError);
  });

  it('refuses limits that no reader can have', () => {
    for (const maxPayloadBytes of [65_528, 65_537, Number.NaN]) {
      const limits = { ...formatLimits, maxPayloadBytes };
      expect(() => new PageStreamEncoder({ streamId, limits })).toThrow(RangeError);
    }
  });
});

describe('state', () => {
  it('is divided into parts that fill their payloads, without copying', () => {
    const limits = { ...formatLimits, maxPayloadBytes: 65_536 };
    const encoder = new PageStreamEncoder({ streamId, limits });
    encoder.start([ram]);
    const bytes = page(7, 140_001);
    const buffers = encoder.state({ kind: 'abc', bytes });
    const views = buffers.filter(({ buffer }) => buffer === bytes.buffer);
    expect(views.map(({ length }) => length)).toEqual([65_504, 65_512, 8985]);
    expect(buffers.reduce((sum, { length }) => sum + length, 0)).toBe(3 * (32 + 24) + 8 + 140_001 + 7);
  });

  it.each(['', 'x'.repeat(256), 'a\nb', '\ud800'])('refuses the kind %j', (kind) => {
    const encoder = new PageStreamEncoder({ streamId });
    encoder.start([ram]);
    expect(() => encoder.state({ kind, bytes: new Uint8Array() })).toThrow(RangeError);
  });
});
