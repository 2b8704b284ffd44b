import { encodeChunked, oneRegion, way } from './chunked-images.ts';
import { describe, expect, it } from 'vitest';
import { type FrameSummary, walkFrames } from '../src/index.ts';
import * as payload from './payloads.ts';
import { TYPE, ZERO } from './payloads.ts';
import { joinFrames } from './raw-frames.ts';
import { destinationStream, exampleStream, richStream } from './sample-streams.ts';
import { smallImage } from './vector-list.ts';

/** Walks bytes and counts those that were read. */
function walk(bytes: Uint8Array): { frames: FrameSummary[]; readBytes: number } {
  let readBytes = 0;
  const frames = [
    ...walkFrames((offset, length) => {
      const part = bytes.subarray(offset, offset + length);
      readBytes += part.length;
      return part;
    }),
  ];
  return { frames, readBytes };
}

describe('walkFrames', () => {
  it('lists frames with names, places and sizes', () => {
    expect(
      walk(exampleStream()).frames.map(({ typeName, offset, frameBytes }) => [typeName, offset, frameBytes]),
    ).toEqual([
      ['STREAM_HEADER', 0, 64],
      ['REGION_TABLE', 0x40, 72],
      ['GUEST_STATE', 0x88, 64],
      ['PAGES', 0xc8, 4168],
      ['END', 0x1110, 72],
    ]);
    expect(walk(destinationStream()).frames.map(({ typeName }) => typeName)).toEqual(['HELLO', 'ACK']);
  });

  it('counts pages from run tables', () => {
    const pages = walk(richStream()).frames.flatMap((frame) => (frame.pages ? [frame.pages] : []));
    expect(pages).toContainEqual({ region: 0, runCount: 4, dataPages: 3, zeroPages: 2 });
    expect(pages).toContainEqual({ region: 1, runCount: 1, dataPages: 0, zeroPages: 3 });
  });

  it('tells what END states, right or wrong', () => {
    const frames = [
      ...smallImage.slice(0, -1),
      {
        type: TYPE.end,
        payload: payload.end({ pages: 9, zeroPages: 8, dataBytes: 7, frames: 6, digest: 5n }),
      },
    ];
    expect(walk(joinFrames(frames)).frames.at(-1)?.end).toEqual({
      pages: 9,
      zeroPages: 8,
      dataBytes: 7,
      frames: 6,
      digest: Uint32Array.of(5, 0),
    });
  });

  it('refuses an END of another length', () => {
    const frames = [...smallImage.slice(0, -1), { type: TYPE.end, payload: new Uint8Array(48) }];
    expect(() => walk(joinFrames(frames))).toThrow(expect.objectContaining({ code: 'STREAM_BAD_LENGTH' }));
  });

  it('does not read the page bytes', () => {
    const bytes = joinFrames([
      { type: TYPE.pages, payload: payload.pages([[0, 64, 0]], new Uint8Array(64 * 4096)) },
    ]);
    expect(walk(bytes).readBytes).toBeLessThan(200);
  });

  it('lists frames of unknown type', () => {
    const { frames } = walk(
      joinFrames([
        { type: 0x1234, flags: 0, payload: new Uint8Array(16) },
        { type: 7, flags: 0, payload: new Uint8Array(8) },
      ]),
    );
    expect(frames).toMatchObject([
      { type: 0x1234, typeName: 'UNKNOWN', required: false, payloadBytes: 16, sequence: 0 },
      { type: 7, typeName: 'INDEX', required: false, payloadBytes: 8, sequence: 1 },
    ]);
  });

  it.each([
    ['within a header', 80],
    ['within a payload', 100],
  ])('refuses a stream cut %s', (_, length) => {
    expect(() => walk(joinFrames(smallImage).subarray(0, length))).toThrow(
      expect.objectContaining({ code: 'STREAM_TRUNCATED', offset: 64 }),
    );
  });

  it('takes a stream cut between frames', () => {
    expect(walk(joinFrames(smallImage).subarray(0, 136)).frames).toHaveLength(2);
  });

  it('stops where the chain of headers breaks', () => {
    expect(() => walk(exampleStream().with(0x40, 0))).toThrow(
      expect.objectContaining({ code: 'STREAM_BAD_MAGIC', offset: 0x40 }),
    );
  });

  it.each([
    ['no table', new Uint8Array(), 'STREAM_BAD_LENGTH', 8],
    ['half a table', payload.pages([[0, 1, ZERO]], undefined, { runCount: 2 }), 'STREAM_BAD_LENGTH', 8],
    ['too many runs', payload.pages([[0, 1, ZERO]], undefined, { runCount: 16_385 }), 'STREAM_LIMIT', 36],
  ])('refuses PAGES with %s', (_, bytes, code, offset) => {
    expect(() => walk(joinFrames([{ type: TYPE.pages, payload: bytes }]))).toThrow(
      expect.objectContaining({ code, offset }),
    );
  });
});

describe('a walk over CHUNKS frames', () => {
  it('counts pages and stored bytes of each kind', async () => {
    const bytes = await encodeChunked(oneRegion([1, 1, 0, 2, 3, 3]), { ...way, method: 'lz4' });
    const frames = [...walkFrames((offset, length) => bytes.subarray(offset, offset + length))];
    const chunks = frames.filter(({ typeName }) => typeName === 'CHUNKS');
    expect(chunks.map((frame) => frame.pages)).toEqual([
      { region: 0, runCount: 1, dataPages: 2, zeroPages: 0 },
      { region: 0, runCount: 2, dataPages: 1, zeroPages: 1 },
      { region: 0, runCount: 1, dataPages: 2, zeroPages: 0 },
    ]);
    expect(chunks[0]?.chunks?.pagesByKind).toMatchObject({ lz4: 2, data: 0 });
    expect(chunks[0]?.chunks?.bytesByKind.lz4).toBeLessThan(100);
    expect(chunks[1]?.chunks?.bytesByKind).toMatchObject({ lz4: 26, data: 0, zero: 0 });
    expect(frames.at(-2)).toMatchObject({ typeName: 'INDEX', required: false });
  });
});
