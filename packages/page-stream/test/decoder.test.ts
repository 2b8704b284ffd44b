import { describe, expect, it } from 'vitest';
import {
  type Frame,
  type PagesFrame,
  PageStreamDecoder,
  PageStreamEncoder,
  PageStreamError,
} from '../src/index.ts';
import { decode } from './decode.ts';
import { concat, pack } from './raw-frames.ts';
import { exampleStream, page, richStream, streamId } from './sample-streams.ts';

const example = exampleStream();

function isPages(frame: Frame): frame is PagesFrame {
  return frame.type === 'pages';
}

/** Reads a stream in place as a transport would, `max` bytes at a time. */
function readInPlace(
  bytes: Uint8Array,
  decoder: PageStreamDecoder,
  onFrame: (frame: Frame) => void,
  max = 2 ** 30,
) {
  const windows: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = decoder.writable();
    windows.push(space.length);
    const chunk = bytes.subarray(at, at + Math.min(space.length, max));
    space.set(chunk);
    at += chunk.length;
    for (const frame of decoder.wrote(chunk.length)) onFrame(frame);
  }
  return windows;
}

describe('push', () => {
  it('hands out views of the chunk when a frame lies whole in it', () => {
    const pages = [...new PageStreamDecoder({ from: 'file' }).push(example)].find(isPages);
    expect(pages?.bytes.buffer).toBe(example.buffer);
    expect(pages?.bytes.byteOffset).toBe(example.byteOffset + 0x110);
    expect(pages?.bytes).toHaveLength(4096);
  });

  it('keeps no view of a chunk that it has not used up', () => {
    const decoder = new PageStreamDecoder({ from: 'file' });
    const first = example.slice(0, 1000);
    decoder.push(first);
    first.fill(0xff);
    const pages = decoder.push(example.subarray(1000)).frames.find(isPages);
    expect(pages?.bytes.every((byte) => byte === 0x41)).toBe(true);
  });

  it('lets a frame from two chunks and the beginning of the next frame be', () => {
    const decoder = new PageStreamDecoder({ from: 'file' });
    decoder.push(example.subarray(0, 2000));
    const pages = decoder.push(example.subarray(2000, example.length - 9)).frames.find(isPages);
    expect(pages?.bytes.every((byte) => byte === 0x41)).toBe(true);
  });

  it('reads shared memory', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(example.length));
    shared.set(example);
    expect(decode(shared, { from: 'file' }).error).toBeUndefined();
  });
});

describe('writable and wrote', () => {
  it('read a frame whole, and with it no more than the next header', () => {
    // PAGES of 61,440 bytes and GUEST_STATE of 65,536: each read after the first asks for the rest of a frame and 32 bytes.
    const decoder = new PageStreamDecoder({ from: 'file' });
    const sizes: number[] = [];
    const windows = readInPlace(richStream(), decoder, (frame) => sizes.push(32 + frame.payloadBytes));
    decoder.finish();
    expect(Math.max(...windows)).toBeLessThanOrEqual(Math.max(...sizes) + 32);
    expect(Math.min(...windows)).toBeGreaterThan(0);
  });

  it('leave the views of frames alone while the next bytes are read', () => {
    const decoder = new PageStreamDecoder({ from: 'file' });
    const bytes = richStream();
    let held: { view: Uint8Array; copy: Uint8Array }[] = [];
    for (let at = 0; at < bytes.length; ) {
      const space = decoder.writable();
      space.fill(0xcc);
      for (const { view, copy } of held) expect(Buffer.compare(view, copy)).toBe(0);
      const chunk = bytes.subarray(at, at + Math.min(space.length, 30_000));
      space.set(chunk);
      at += chunk.length;
      for (const { view, copy } of held) expect(Buffer.compare(view, copy)).toBe(0);
      held = decoder
        .wrote(chunk.length)
        .frames.flatMap((frame) =>
          'bytes' in frame ? [{ view: frame.bytes, copy: frame.bytes.slice() }] : [],
        );
    }
    decoder.finish();
  });

  it('give the same space until it is used', () => {
    const decoder = new PageStreamDecoder({ from: 'file' });
    decoder.push(example.subarray(0, 0x500));
    const space = decoder.writable();
    expect(decoder.writable()).toEqual(space);
    expect(decoder.writable().byteOffset).toBe(space.byteOffset);
    space.set(example.subarray(0x500));
    decoder.wrote(example.length - 0x500);
    decoder.finish();
  });

  it('refuse more bytes than there was space for', () => {
    const decoder = new PageStreamDecoder({ from: 'file' });
    const { length } = decoder.writable();
    for (const byteCount of [-1, 0.5, length + 1]) expect(() => decoder.wrote(byteCount)).toThrow(RangeError);
    expect(decoder.wrote(0).frames).toEqual([]);
  });
});

describe('a failure', () => {
  const damaged = example.with(0x110, 0x42);

  it('comes after the frames before it', () => {
    const batch = new PageStreamDecoder({ from: 'file' }).push(damaged);
    expect(batch.frames.map(({ type }) => type)).toEqual(['header', 'regions', 'state']);
    expect(batch.error).toMatchObject({ code: 'STREAM_PAYLOAD_CRC', offset: 0xe8 });
    const seen: string[] = [];
    expect(() => {
      for (const { type } of batch) seen.push(type);
    }).toThrow(PageStreamError);
    expect(seen).toEqual(['header', 'regions', 'state']);
  });

  it('is final', () => {
    const decoder = new PageStreamDecoder({ from: 'file' });
    const { error } = decoder.push(damaged);
    expect(() => decoder.push(example)).toThrow(error);
    expect(() => decoder.wrote(0)).toThrow(error);
    expect(() => decoder.finish()).toThrow(error);
  });

  it('is told as soon as the header is there, not when the payload is', () => {
    const decoder = new PageStreamDecoder({ from: 'file' });
    decoder.push(example.subarray(0, 0xc8));
    const header = pack([4, 0x31504653], [2, 4], [2, 1], [4, 0xfffffff8]);
    expect(decoder.push(pack(header, new Uint8Array(20))).error).toMatchObject({ offset: 0xc8 });
  });
});

describe('finish', () => {
  it('accepts a complete stream, again and again', () => {
    const decoder = new PageStreamDecoder({ from: 'file' });
    decoder.push(example);
    decoder.finish();
    decoder.finish();
    expect(decoder.offset).toBe(example.length);
  });

  it('tells how much there was', () => {
    const decoder = new PageStreamDecoder({ from: 'file' });
    decoder.push(example.subarray(0, 77));
    expect(() => decoder.finish()).toThrow(expect.objectContaining({ code: 'STREAM_TRUNCATED', offset: 77 }));
  });
});

describe('memory', () => {
  it('is two buffers that take turns, however many frames come', () => {
    const ram = { id: 0, name: 'ram', sizeBytes: 400 * 4096, pageSize: 4096 };
    const encoder = new PageStreamEncoder({ streamId });
    const stream = [...encoder.start([ram]), ...encoder.state({ kind: 'none', bytes: new Uint8Array() })];
    for (let firstPage = 0; firstPage < 400; firstPage += 20) {
      const run = { firstPage, pageCount: 20, kind: 'data' } as const;
      stream.push(...encoder.encodePages(0, [run], page(1, 20 * 4096)));
    }
    const decoder = new PageStreamDecoder({ from: 'file' });
    const buffers = new Set<ArrayBufferLike>();
    readInPlace(concat([...stream, ...encoder.end()]), decoder, () => buffers.add(decoder.writable().buffer));
    decoder.finish();
    expect(buffers.size).toBe(2);
  });

  it('grows with the frames, not with what the region table announces', () => {
    const before = process.memoryUsage().arrayBuffers;
    const decoder = new PageStreamDecoder({ from: 'file' });
    readInPlace(richStream(), decoder, () => undefined);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * 1024 * 1024);
  });
});
