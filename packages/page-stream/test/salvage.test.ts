import { describe, expect, it } from 'vitest';
import { type ParentImage, salvageImage } from '../src/index.ts';
import { encodeChunked, oneRegion, open, testCodec, way } from './chunked-images.ts';
import { TYPE } from './payloads.ts';
import { joinFrames, splitFrames } from './raw-frames.ts';
import { encodeImage } from './sample-images.ts';

const contents = [1, 2, 3, 3, 0, 5, 1, 2];
const chunked = await encodeChunked(oneRegion(contents), { ...way, sameAs: true });
const plain = encodeImage(oneRegion(contents));
const noIndex = await encodeChunked(oneRegion(contents), { ...way, index: false });

/** The byte of each page; undefined where it is lost. Fails for a page that is wrong, twice there, or neither there nor lost. */
function salvage(bytes: Uint8Array, expected = contents, parent?: ParentImage) {
  const saved = salvageImage((offset, length) => bytes.slice(offset, offset + length), {
    sizeBytes: bytes.length,
    codec: testCodec,
    ...(parent ? { parent } : {}),
  });
  const pages: (number | undefined | 'nothing')[] = expected.map(() => 'nothing');
  for (const { firstPage, pageCount, bytes: content } of saved.pages()) {
    for (let i = 0; i < pageCount; i++) {
      expect(pages[firstPage + i]).toBe('nothing');
      const one = content.subarray(i * 4096, (i + 1) * 4096);
      expect(one.every((byte) => byte === expected[firstPage + i])).toBe(true);
      pages[firstPage + i] = one[0]!;
    }
  }
  for (const { firstPage, pageCount } of saved.lost) {
    for (let page = firstPage; page < firstPage + pageCount; page++) {
      expect(pages[page]).toBe('nothing');
      pages[page] = undefined;
    }
  }
  expect(pages).not.toContain('nothing');
  return { pages, lostCount: pages.filter((byte) => byte === undefined).length, digest: saved.digest, saved };
}

describe('a whole image', () => {
  it.each([
    ['in chunks', chunked],
    ['in PAGES frames', plain],
  ])('%s loses nothing, and its digest matches', (_name, bytes) => {
    expect(salvage(bytes)).toMatchObject({ pages: contents, digest: 'matches' });
  });

  it('with an END that states another digest says so', () => {
    const frames = splitFrames(plain);
    const end = frames.at(-1)!;
    const other = joinFrames(frames.with(frames.length - 1, { ...end, payload: end.payload.with(35, 0xff) }));
    expect(salvage(other).digest).toBe('differs');
  });
});

describe('every damaged byte', () => {
  it.each([
    ['of an image in chunks with an index', chunked, 2],
    ['of an image in chunks without an index', noIndex, 2],
    ['of an image in PAGES frames', plain, 2],
  ])('%s costs at most the pages of its frame, and no page is ever wrong', (_name, bytes, most) => {
    const head = 64 + 72 + 72;
    // All of the headers and tables, and of page bytes some.
    for (let at = head; at < bytes.length; at += at % 4096 < 150 ? 1 : 97) {
      const { lostCount } = salvage(bytes.with(at, bytes[at]! ^ 0x10));
      expect(lostCount).toBeLessThanOrEqual(most);
    }
  });

  it('of one chunk leaves the other chunks of its frame alone', async () => {
    const oneFrame = {
      ...oneRegion(contents),
      slabs: [{ region: 0, runs: [{ firstPage: 0, pageCount: 8, kind: 'data' as const }] }],
    };
    const bytes = await encodeChunked(
      { ...oneFrame, maxPayloadBytes: 1024 * 1024 },
      { ...way, chunkBytes: 4096 },
    );
    const { frameOffset } = open(bytes).locate(0, 0);
    const table = frameOffset + 32 + 16;
    expect(salvage(bytes.with(table + 32 * 8 + 100, 0xee)).pages).toEqual([undefined, ...contents.slice(1)]);
    // Without its table nothing of the frame is believed.
    expect(salvage(bytes.with(table + 3, 0xee)).lostCount).toBe(8);
  });
});

describe('what is lost', () => {
  it('of a truncated image is what had not come', () => {
    for (const { offset } of [{ offset: 208 }, { offset: 208 + 8296 }, { offset: plain.length - 1 }]) {
      const { digest } = salvage(plain.subarray(0, offset));
      expect(digest).toBe('unknown');
    }
    expect(salvage(plain.subarray(0, 208)).lostCount).toBe(8);
    expect(salvage(plain.subarray(0, plain.length - 1)).lostCount).toBe(0);
  });

  it('includes the pages that refer to a lost one', async () => {
    const many = Array.from({ length: 48 }, (_, page) => (page < 24 ? 1 + page : 1 + page - 24));
    const image = oneRegion(many);
    const bytes = await encodeChunked(image, { ...way, sameAs: true });
    const opened = open(bytes);
    const twin = many.findIndex((_, page) => opened.locate(0, page).kind === 'same-as');
    expect(twin).toBeGreaterThan(0);
    const { frameOffset } = opened.locate(0, twin - 24);
    const { pages } = salvage(bytes.with(frameOffset + 32 + 16 + 32 + 64, 0xee), many);
    expect(pages[twin - 24]).toBeUndefined();
    expect(pages[twin]).toBeUndefined();
  });

  it('of an increment without its parent is what only the parent has', async () => {
    const parent = open(await encodeChunked(oneRegion(contents), way));
    const changed = contents.with(3, 9);
    const bytes = await encodeChunked(oneRegion(changed), way, { parent, id: 8 });
    expect(salvage(bytes, changed).pages).toEqual(
      changed.map((byte, page) => (page === 3 ? byte : undefined)),
    );
    expect(salvage(bytes, changed, parent).lostCount).toBe(0);
    const stranger = open(await encodeChunked(oneRegion(changed), way, { id: 9 }));
    expect(salvage(bytes, changed, stranger).lostCount).toBe(7);
  });

  it('is all when the middle is gone and nothing anchors what is left', () => {
    // Two broken headers and no END: what lies between them could be anything.
    const frames = splitFrames(noIndex);
    const broken = joinFrames(
      // oxlint-disable-next-line oxc/no-map-spread -- frames are few
      frames.map((frame, at) => (at === 3 || at === 5 ? { ...frame, headerCrc: 1 } : frame)),
    );
    expect(salvage(broken.subarray(0, broken.length - 8)).lostCount).toBe(8);
  });
});

describe('a frame of another image, written over one of this', () => {
  it('is not believed, because its number is not the next', () => {
    const frames = splitFrames(noIndex);
    const other = splitFrames(plain).find(({ type }) => type === TYPE.pages)!;
    const at = frames.findIndex(({ type }) => type === TYPE.chunks) + 1;
    const payload = other.payload.slice();
    payload.fill(0xee, 24);
    // Its run table says pages 2 and 3, as that of the frame it replaces.
    new DataView(payload.buffer).setUint32(8, 2, true);
    const mixed = joinFrames(frames.with(at, { ...other, payload, sequence: 99 }));
    expect(salvage(mixed).pages).toEqual(
      contents.map((byte, page) => (page === 2 || page === 3 ? undefined : byte)),
    );
  });
});

describe('a page stream in the memory of a guest', () => {
  it('is not taken for frames of the image', () => {
    // A region whose pages hold a whole stream, whose pages claim to be those of the region.
    const inner = encodeImage({ ...oneRegion([7, 7]), stateBytes: 0 });
    const memory = new Uint8Array(8 * 4096);
    memory.set(inner);
    const frames = splitFrames(plain);
    const pagesAt = frames.findIndex(({ type }) => type === TYPE.pages);
    const table = frames[pagesAt]!.payload.slice(0, 24);
    new DataView(table.buffer).setUint32(16, 8, true);
    const outer = joinFrames([
      ...frames.slice(0, pagesAt),
      { type: TYPE.pages, payload: Buffer.concat([table, memory]), headerCrc: 1 },
      { type: TYPE.end, payload: frames.at(-1)!.payload, sequence: 4 },
    ]);
    expect(salvage(outer).lostCount).toBe(8);
  });
});

describe('the guest state', () => {
  it('that is damaged costs no page', () => {
    const damaged = plain.with(64 + 72 + 32 + 24 + 8 + 1, 0xee);
    const { saved, lostCount } = salvage(damaged);
    expect(lostCount).toBe(0);
    expect(saved.readState()).toBeUndefined();
    expect(salvage(plain).saved.readState()?.kind).toBe('sample@1');
  });

  it('and all is lost without the regions', () => {
    const damaged = plain.with(64 + 32 + 4, 0xee);
    expect(() => salvage(damaged)).toThrow(expect.objectContaining({ code: 'STREAM_PAYLOAD_CRC' }));
  });
});
