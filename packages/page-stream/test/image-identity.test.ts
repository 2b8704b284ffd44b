import { describe, expect, it } from 'vitest';
import {
  PageStreamDecoder,
  PageStreamError,
  readIdentity,
  readImageHead,
  readImageRegions,
} from '../src/index.ts';
import { encodeChunked, oneRegion, open, way } from './chunked-images.ts';

const contents = [1, 0, 2, 2, 1, 3, 0, 0];
const full = await encodeChunked(oneRegion(contents), way);
const increment = await encodeChunked(oneRegion(contents.with(0, 9)), way, { parent: open(full), id: 8 });

/** Reads into one buffer again and again, as a file would. */
function reader(bytes: Uint8Array) {
  const room = new Uint8Array(bytes.length);
  let readBytes = 0;
  return {
    readAt: (offset: number, length: number) => {
      room.fill(0xee);
      const part = bytes.subarray(offset, offset + length);
      room.set(part);
      readBytes += part.length;
      return room.subarray(0, part.length);
    },
    get readBytes() {
      return readBytes;
    },
  };
}

function codeOf(read: () => unknown): string {
  try {
    read();
    return 'ok';
  } catch (error) {
    if (error instanceof PageStreamError) return error.code;
    throw error;
  }
}

describe('readIdentity', () => {
  it('says what an increment is and builds on, in copies', () => {
    const { readAt } = reader(increment);
    const identity = readIdentity(readAt, { sizeBytes: increment.length });
    readAt(0, increment.length);
    expect(identity).toMatchObject({
      streamId: new Uint8Array(16).fill(8),
      parent: { streamId: new Uint8Array(16).fill(7), digest: open(full).digest, chainLength: 1 },
      totals: { pages: 8, digest: open(increment).digest },
    });
    expect(identity.regions).toEqual(open(increment).regions);
  });

  it('reads a little of the start and of the end, however many pages there are', async () => {
    const pages = Array.from({ length: 64 }, (_, at) => at + 1);
    const large = await encodeChunked(oneRegion(pages), { ...way, method: 'none', sameAs: false });
    const file = reader(large);
    expect(readIdentity(file.readAt, { sizeBytes: large.length }).parent).toBeUndefined();
    expect(file.readBytes).toBeLessThan(large.length / 10);
  });

  it('wants the end, which readImageRegions does without', () => {
    const cut = increment.subarray(0, increment.length - 1);
    const { readAt } = reader(cut);
    expect(codeOf(() => readIdentity(readAt, { sizeBytes: cut.length }))).not.toBe('ok');
    const head = readImageRegions(readAt, { sizeBytes: cut.length });
    expect(head.parent?.streamId).toEqual(new Uint8Array(16).fill(7));
    expect(codeOf(() => readImageRegions(reader(cut.subarray(0, 40)).readAt, { sizeBytes: 40 }))).toBe(
      'STREAM_TRUNCATED',
    );
  });
});

it('readImageHead has the state', () => {
  const { readAt } = reader(increment);
  const head = readImageHead(readAt, { sizeBytes: increment.length });
  const state = open(increment).readState();
  expect(head.state.kind).toBe('sample@1');
  expect(head.state.bytes).toEqual(new Uint8Array(state.bytes));
});

it('extents cover every page once, in order', () => {
  let next = 0;
  for (const { region, firstPage, pageCount } of open(full).extents()) {
    expect({ region, firstPage }).toEqual({ region: 0, firstPage: next });
    next += pageCount;
  }
  expect(next).toBe(contents.length);
});

it('frames of a decoder with `raw` are the stream, whatever the chunks', () => {
  for (const size of [1, 100, full.length]) {
    const decoder = new PageStreamDecoder({ from: 'file', raw: true, earlier: open(full) });
    const parts: Uint8Array[] = [];
    for (let at = 0; at < full.length; at += size) {
      for (const { raw } of decoder.push(full.subarray(at, at + size))) parts.push(raw!.slice());
    }
    decoder.finish();
    expect(Buffer.compare(Buffer.concat(parts), full)).toBe(0);
  }
});
