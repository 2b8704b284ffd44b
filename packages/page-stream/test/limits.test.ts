import { describe, expect, it } from 'vitest';
import {
  formatLimits,
  lowerLimits,
  MAX_CONTROL_PAYLOAD_BYTES,
  MAX_IMAGE_BYTES,
  MAX_PAGES,
  MAX_PAYLOAD_BYTES,
  MAX_REGIONS,
  MAX_RUNS,
  MAX_SKIPPED_FRAMES,
  MAX_STATE_BYTES,
  PageStreamDecoder,
  PageStreamEncoder,
  PageStreamError,
  type RegionEntry,
  type StreamLimits,
} from '../src/index.ts';
import { decode } from './decode.ts';
import * as payload from './payloads.ts';
import { TYPE, ZERO } from './payloads.ts';
import { joinFrames, pack, type RawFrame } from './raw-frames.ts';
import { page, streamId } from './sample-streams.ts';
import { smallImage } from './vector-list.ts';

const [headerFrame, , stateFrame] = smallImage;
const hello: RawFrame = { type: TYPE.hello, payload: payload.hello() };

/** The error code after these frames, `TRUNCATED` being the one of a stream that is right so far. */
function codeAfter(
  frames: readonly (RawFrame | undefined)[],
  limits?: Partial<StreamLimits>,
  from: 'file' | 'source' = 'file',
) {
  const given = frames.filter((frame) => frame !== undefined);
  return decode(joinFrames(given), { from, ...(limits && { limits }) }).error?.split('@')[0];
}

/** One below, at, and one above. */
const OK = 'STREAM_TRUNCATED';
const belowAtAbove = [
  [-1, OK],
  [0, OK],
  [1, 'STREAM_LIMIT'],
] as const;

function regionsFrame(regions: readonly payload.RawRegion[]): RawFrame {
  return { type: TYPE.regions, payload: payload.regions(regions) };
}

function repeat<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

describe.each(belowAtAbove)('a reader, %d from the limit', (delta, expected) => {
  it('MAX_PAYLOAD_BYTES: waits for no more', () => {
    // Only the header: a payload within the limit is awaited.
    const frame = {
      type: 0x70,
      flags: 0,
      payload: new Uint8Array(),
      payloadLength: MAX_PAYLOAD_BYTES + 8 * delta,
    };
    expect(codeAfter([headerFrame, frame])).toBe(expected);
  });

  it('maxPayloadBytes, lowered', () => {
    const frame = { type: 0x70, flags: 0, payload: page(0, 65_536 + 8 * delta) };
    expect(codeAfter([headerFrame, frame], { maxPayloadBytes: 65_536 })).toBe(expected);
  });

  it('MAX_CONTROL_PAYLOAD_BYTES', () => {
    const frame = { type: 0x8070, flags: 0, payload: page(0, MAX_CONTROL_PAYLOAD_BYTES + 8 * delta) };
    expect(codeAfter([hello, frame], undefined, 'source')).toBe(expected);
  });

  it('MAX_REGIONS', () => {
    expect(codeAfter([headerFrame, regionsFrame(repeat(MAX_REGIONS + delta, { sizeBytes: 4096 }))])).toBe(
      expected,
    );
  });

  it('maxRegions, lowered', () => {
    expect(codeAfter([headerFrame, regionsFrame(repeat(3 + delta, {}))], { maxRegions: 3 })).toBe(expected);
  });

  it('MAX_PAGES, over all regions', () => {
    expect(
      codeAfter([
        headerFrame,
        regionsFrame([{ sizeBytes: 4096 }, { sizeBytes: (MAX_PAGES - 1 + delta) * 4096 }]),
      ]),
    ).toBe(expected);
  });

  it('maxPages, lowered', () => {
    expect(
      codeAfter([headerFrame, regionsFrame([{ sizeBytes: 8192 }, { sizeBytes: (8 + delta) * 4096 }])], {
        maxPages: 10,
      }),
    ).toBe(expected);
  });

  it('MAX_IMAGE_BYTES, over all regions', () => {
    const pageSize = 2 * 1024 * 1024;
    const sizeBytes = MAX_IMAGE_BYTES - pageSize + delta * pageSize;
    expect(
      codeAfter([
        headerFrame,
        regionsFrame([
          { pageSize, sizeBytes: pageSize },
          { pageSize, sizeBytes },
        ]),
      ]),
    ).toBe(expected);
  });

  it('maxImageBytes, lowered', () => {
    expect(
      codeAfter([headerFrame, regionsFrame([{ sizeBytes: 8192 }, { sizeBytes: 8192 }])], {
        maxImageBytes: 16_384 - delta,
      }),
    ).toBe(expected);
  });

  it('MAX_STATE_BYTES', () => {
    const bytes = page(1, 64);
    const frame = { type: TYPE.state, payload: payload.state({ total: MAX_STATE_BYTES + delta, bytes }) };
    expect(codeAfter([headerFrame, regionsFrame([{}]), frame])).toBe(expected);
  });

  it('maxStateBytes, lowered', () => {
    const frame = { type: TYPE.state, payload: payload.state({ bytes: page(1, 40 + delta) }) };
    expect(codeAfter([headerFrame, regionsFrame([{}]), frame], { maxStateBytes: 40 })).toBe(expected);
  });

  it('MAX_RUNS', () => {
    const runs = Array.from({ length: MAX_RUNS + delta }, (_, index) => [2 * index, 1, ZERO] as const);
    const frame = { type: TYPE.pages, payload: payload.pages(runs) };
    expect(
      codeAfter([headerFrame, regionsFrame([{ sizeBytes: 3 * MAX_RUNS * 4096 }]), stateFrame, frame]),
    ).toBe(expected);
  });

  it.each([
    ['MAX_SKIPPED_FRAMES', undefined, MAX_SKIPPED_FRAMES],
    ['maxSkippedFrames, lowered', { maxSkippedFrames: 5 }, 5],
  ])('%s', (_, limits, count) => {
    expect(
      codeAfter(
        [headerFrame, ...repeat(count + delta, { type: 0x70, flags: 0, payload: pack([8, 0]) })],
        limits,
      ),
    ).toBe(expected);
  });

  it('MAX_NAME_BYTES', () => {
    expect(codeAfter([headerFrame, regionsFrame([{ name: 'x'.repeat(255 + delta) }])])).toBe(expected);
    const frame = { type: TYPE.state, payload: payload.state({ kind: 'x'.repeat(255 + delta) }) };
    expect(codeAfter([headerFrame, regionsFrame([{}]), frame])).toBe(expected);
  });

  it('MAX_CODE_BYTES and MAX_MESSAGE_BYTES', () => {
    const limit = delta > 0 ? 'STREAM_LIMIT' : 'STREAM_ABORTED';
    for (const abort of [{ code: 'X'.repeat(64 + delta) }, { message: 'x'.repeat(1024 + delta) }]) {
      expect(
        codeAfter([hello, { type: TYPE.abort, payload: payload.abort(abort) }], undefined, 'source'),
      ).toBe(limit);
    }
  });
});

describe('page sizes', () => {
  it.each([
    [2048, 'STREAM_BAD_VALUE'],
    [4096, OK],
    [8192, OK],
    [1024 * 1024, OK],
    [2 * 1024 * 1024, OK],
    [4 * 1024 * 1024, 'STREAM_BAD_VALUE'],
  ])('%d', (pageSize, expected) => {
    expect(codeAfter([headerFrame, regionsFrame([{ pageSize, sizeBytes: pageSize }])])).toBe(expected);
  });
});

describe('lowerLimits', () => {
  it('is the format unless something is lowered', () => {
    expect(lowerLimits()).toEqual(formatLimits);
    expect(lowerLimits({ maxPages: 7 })).toEqual({ ...formatLimits, maxPages: 7 });
  });

  const names = ['maxRegions', 'maxPages', 'maxImageBytes', 'maxStateBytes', 'maxSkippedFrames'] as const;
  it.each(names)('%s goes from 0 to that of the format', (name) => {
    const max = formatLimits[name];
    for (const value of [0, max - 1, max]) expect(lowerLimits({ [name]: value })[name]).toBe(value);
    for (const value of [-1, max + 1, 0.5, Number.NaN])
      expect(() => lowerLimits({ [name]: value })).toThrow(RangeError);
  });

  it('maxPayloadBytes goes from MIN_PAYLOAD_BYTES to MAX_PAYLOAD_BYTES, by 8', () => {
    for (const value of [65_536, 65_544, MAX_PAYLOAD_BYTES])
      expect(lowerLimits({ maxPayloadBytes: value })).toBeDefined();
    for (const value of [65_528, 65_535, 65_537, MAX_PAYLOAD_BYTES + 8]) {
      expect(() => new PageStreamDecoder({ from: 'file', limits: { maxPayloadBytes: value } })).toThrow(
        RangeError,
      );
    }
  });
});

/** A writer for a reader with such limits, with regions of so many pages. */
function start(limits: Partial<StreamLimits>, sizes: readonly number[], pageSize = 4096): PageStreamEncoder {
  const encoder = new PageStreamEncoder({ streamId, limits: { ...formatLimits, ...limits } });
  const regions = sizes.map((pages, id) => ({ id, name: 'ram', sizeBytes: pages * pageSize, pageSize }));
  encoder.start(regions);
  return encoder;
}

function refusal(work: () => unknown): unknown {
  try {
    work();
    return OK;
  } catch (error) {
    return error instanceof PageStreamError ? error.code : error;
  }
}

describe.each(belowAtAbove)('a writer, %d from the limit of its reader', (delta, expected) => {
  it('keeps to maxRegions', () => {
    expect(refusal(() => start({ maxRegions: 3 }, Array(3 + delta).fill(1)))).toBe(expected);
  });
  it('keeps to maxPages', () => {
    expect(refusal(() => start({ maxPages: 10 }, [4, 6 + delta]))).toBe(expected);
  });
  it('keeps to maxImageBytes', () => {
    expect(refusal(() => start({ maxImageBytes: 40_960 }, [4, 6 + delta]))).toBe(expected);
  });
  it('keeps to maxStateBytes', () => {
    expect(
      refusal(() => start({ maxStateBytes: 64 }, [1]).state({ kind: 'k', bytes: page(1, 64 + delta) })),
    ).toBe(expected);
  });
  it('keeps to maxPayloadBytes: one page must fit', () => {
    expect(refusal(() => start({ maxPayloadBytes: 131_072 + 24 - 8 * delta }, [1], 131_072))).toBe(expected);
  });
});

/** Regions whose names have 40 bytes, so that their entries have 64. */
function longNames(count: number): RegionEntry[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    name: 'x'.repeat(40),
    sizeBytes: 4096,
    pageSize: 4096,
  }));
}

describe('a writer', () => {
  it('keeps to maxPayloadBytes in the region table, which must be one frame', () => {
    const limits = { ...formatLimits, maxPayloadBytes: 65_536 };
    const fits = Math.floor((65_536 - 8) / 64);
    expect(new PageStreamEncoder({ streamId, limits }).start(longNames(fits))).toHaveLength(2);
    expect(() => new PageStreamEncoder({ streamId, limits }).start(longNames(fits + 1))).toThrow(
      expect.objectContaining({ code: 'STREAM_LIMIT', offset: 0 }),
    );
  });

  it('never goes beyond the format, whatever the reader announces', () => {
    const limits = { ...formatLimits, maxRegions: 0xffffffff };
    const regions = Array.from({ length: MAX_REGIONS + 1 }, (_, id) => ({
      id,
      name: 'r',
      sizeBytes: 4096,
      pageSize: 4096,
    }));
    expect(() => new PageStreamEncoder({ streamId, limits }).start(regions)).toThrow(/maxRegions/);
  });
});
