import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ChunkOptions,
  openImage,
  PageStreamEncoder,
  type ParentImage,
  pureCodec,
  SeriesAccount,
  type StoredImage,
} from '../src/index.ts';
import { concat } from './raw-frames.ts';
import { TestPacker } from './test-packer.ts';

const PAGE = 8192;
const PAGES = 10;

/** A page of one number repeated; 0 is a page of zeros. */
type Memory = readonly number[];

function encode(memory: Memory, id: number, chunks: ChunkOptions): Uint8Array {
  const encoder = begun(id, chunks);
  return concat([...encoder.head, ...encodeAll(encoder.encoder, memory), ...encoder.encoder.end()]);
}

function begun(id: number, chunks: ChunkOptions, pages = PAGES) {
  const encoder = new PageStreamEncoder({ streamId: new Uint8Array(16).fill(id), chunks });
  const regions = [{ id: 0, name: 'memory', pageSize: PAGE, sizeBytes: pages * PAGE }];
  const head = [...encoder.start(regions), ...encoder.state({ kind: 'x@1', bytes: new Uint8Array() })];
  return { encoder, head };
}

function encodeAll(encoder: PageStreamEncoder, memory: Memory): Uint8Array[] {
  const bytes = new Uint8Array(memory.length * PAGE);
  for (const [page, value] of memory.entries()) bytes.fill(value, page * PAGE, (page + 1) * PAGE);
  return encoder.encodePages(0, [{ firstPage: 0, pageCount: memory.length, kind: 'data' }], bytes);
}

function open(bytes: Uint8Array, parent?: ParentImage): StoredImage {
  const readAt = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return openImage(readAt, { sizeBytes: bytes.length, ...(parent ? { parent } : {}) });
}

/** `image` as a parent that counts the pages which are read of it. */
function counted(image: StoredImage): { parent: ParentImage; readPages: () => number } {
  let pages = 0;
  const { streamId, digest, chainLength, regions } = image;
  const parent: ParentImage = {
    streamId,
    digest,
    chainLength,
    regions,
    readPages(region, page, to) {
      pages += to.length / PAGE;
      image.readPages(region, page, to);
    },
  };
  return { parent, readPages: () => pages };
}

const memories = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: PAGES, maxLength: PAGES });
const ways = fc.record({
  sameAs: fc.constantFrom(false, { entries: 64 }),
  chunkBytes: fc.constantFrom(4096, 32_768),
});

describe('SeriesAccount', () => {
  it('gives the bytes that comparing gives, image after image, and reads only what is the same', () => {
    fc.assert(
      fc.property(fc.array(memories, { minLength: 2, maxLength: 4 }), ways, (images, way) => {
        const account = new SeriesAccount();
        const chain: StoredImage[] = [];
        for (const [id, memory] of images.entries()) {
          const below = chain.at(-1);
          const before = images[id - 1];
          const compared = encode(memory, id, { ...way, index: true, ...(below ? { parent: below } : {}) });
          const { parent, readPages } = below ? counted(below) : {};
          const options = { ...way, index: true, account, ...(parent ? { parent } : {}) };
          const accounted = encode(memory, id, options);
          expect(Buffer.compare(accounted, compared)).toBe(0);
          const same =
            before === undefined ? 0 : memory.filter((value, page) => value === before[page]).length;
          expect(readPages?.() ?? 0).toBe(same);
          chain.push(open(accounted, below));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('does not read pages that the guest says are unchanged, and keeps what they add', () => {
    const account = new SeriesAccount();
    const first = open(
      encode(
        Array.from({ length: PAGES }, () => 5),
        0,
        { account },
      ),
    );
    const { parent, readPages } = counted(first);
    const { encoder, head } = begun(1, { account, parent });
    const parts = [...head, ...encoder.inheritPages(0, [{ firstPage: 1, pageCount: PAGES - 1 }])];
    parts.push(...encodeAll(encoder, [6]), ...encoder.end());
    expect(readPages()).toBe(0);
    const full = encode([6, ...Array.from({ length: PAGES - 1 }, () => 5)], 1, {});
    expect(open(concat(parts), first).digest).toEqual(open(full).digest);
  });

  it.each<[string, (account: SeriesAccount, memory: Memory) => void]>([
    ['was encoded without it', () => {}],
    [
      'is not the one that was encoded with it last',
      (account, memory) => {
        encode(memory, 8, { account });
        encode(
          memory.map((value) => value + 1),
          9,
          { account },
        );
      },
    ],
    [
      'is one of which pages are missing',
      (account, memory) => {
        encodeAll(begun(8, { account }).encoder, memory.slice(1));
      },
    ],
    [
      'has other regions than the one encoded with it last',
      (account) => {
        begun(8, { account }, 1);
      },
    ],
    [
      'is the parent of one that was given up',
      (account, memory) => {
        const parent = open(encode(memory, 8, { account }));
        encodeAll(begun(9, { account, parent }).encoder, [1]);
      },
    ],
  ])('compares when the parent %s', (_, prepare) => {
    const memory = Array.from({ length: PAGES }, () => 2);
    const account = new SeriesAccount();
    prepare(account, memory);
    const { parent, readPages } = counted(open(encode(memory, 8, {})));
    const changed = memory.map((value, page) => (page === 3 ? 7 : value));
    const bytes = encode(changed, 9, { account, parent });
    expect(bytes).toEqual(encode(changed, 9, { parent }));
    expect(readPages()).toBe(2 * PAGES);
  });

  it('is not used for compressed images', async () => {
    const memory = Array.from({ length: PAGES }, () => 2);
    const account = new SeriesAccount();
    const compression = { method: 'lz4' as const };
    const { encoder } = begun(8, { account, compression, packer: new TestPacker() });
    encodeAll(encoder, memory);
    encoder.end();
    const { parent, readPages } = counted(open(encode(memory, 8, {})));
    encode(
      memory.map(() => 3),
      9,
      { account, parent },
    );
    expect(readPages()).toBe(PAGES);
  });

  it('works the same with a codec that gives the terms of many pages at once', () => {
    const memory = Array.from({ length: PAGES }, (_, page) => page % 4);
    let calls = 0;
    const codec: typeof pureCodec = {
      ...pureCodec,
      digestPages(pages, seed, region, firstUnit, pageSize, terms) {
        calls++;
        let crc = seed;
        for (let at = 0, page = 0; at < pages.length; at += pageSize, page++) {
          const term = new Uint32Array(2);
          const unit = firstUnit + (page * pageSize) / 4096;
          crc = pureCodec.digestRun(pages.subarray(at, at + pageSize), crc, region, unit, term);
          terms.set(term, 2 * page);
        }
        return crc;
      },
    };
    const encoder = new PageStreamEncoder({
      streamId: new Uint8Array(16).fill(8),
      codec,
      chunks: { account: new SeriesAccount() },
    });
    const regions = [{ id: 0, name: 'memory', pageSize: PAGE, sizeBytes: PAGES * PAGE }];
    const parts = [...encoder.start(regions), ...encoder.state({ kind: 'x@1', bytes: new Uint8Array() })];
    parts.push(...encodeAll(encoder, memory), ...encoder.end());
    expect(concat(parts)).toEqual(encode(memory, 8, {}));
    expect(calls).toBeGreaterThan(0);
  });
});
