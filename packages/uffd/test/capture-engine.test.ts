import { describe, expect, test } from 'vitest';
import {
  addressOf,
  CaptureEngine,
  type CaptureEngineOptions,
  type CaptureRegion,
  HUGE_PAGE_2MIB,
  Mapping,
  pageSize,
} from '../src/index.ts';
import { CaptureImage } from './capture-image.ts';
import { withHugePages } from './huge-pages.ts';
import { lacksUffd } from './kernel.ts';

const PAGES = 64;
const SIZE = PAGES * pageSize;
const BEFORE = 0x11;
const AFTER = 0xee;
const stall: CaptureEngineOptions = { preImagesMaxBytes: 1 << 20, overflow: 'stall' };

/** Growable buffers get whole pages of their own from the runtime. The types of ES2023 do not know the second argument. */
function wholePageBuffer(kind: 'ArrayBuffer' | 'SharedArrayBuffer'): ArrayBuffer | SharedArrayBuffer {
  return Reflect.construct(Reflect.get(globalThis, kind), [SIZE, { maxByteLength: SIZE }]);
}

function wasmMemory(): { buffer: ArrayBuffer } {
  const { Memory } = Reflect.get(globalThis, 'WebAssembly');
  return new Memory({ initial: SIZE / 65_536, maximum: SIZE / 65_536 });
}

/** Fills, arms, overwrites from this very thread, captures: the image must show what was there at the cut. */
async function expectCut(bytes: Uint8Array, region: CaptureRegion, options = stall): Promise<CaptureImage> {
  bytes.fill(BEFORE);
  using engine = CaptureEngine.open([region], options);
  engine.arm();
  // The blocked writer is the thread that runs JavaScript: served all the same (I-1).
  for (let at = 0; at < bytes.length; at += 3 * pageSize) bytes[at] = AFTER;
  const image = await new CaptureImage(engine).complete(engine);
  expect(image.regions[0]!.every((byte) => byte === BEFORE)).toBe(true);
  expect(engine.stats().faultPages).toBeGreaterThan(0);
  expect(bytes[0]).toBe(AFTER);
  return image;
}

describe.skipIf(lacksUffd('WP_UNPOPULATED', 'WP_HUGETLBFS_SHMEM'))('captures', () => {
  test('anonymous memory', async () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    const image = await expectCut(new Uint8Array(mapping.buffer), { memory: mapping });
    expect(image.pages).toBe(PAGES);
  });

  test('a memfd', async () => {
    using mapping = new Mapping({ sizeBytes: SIZE, backing: 'memfd' });
    const image = await expectCut(new Uint8Array(mapping.buffer), { memory: mapping });
    expect(image.pages).toBe(PAGES);
  });

  test('a memfd with holes, whose unmapped pages may hold data all the same', async () => {
    using mapping = new Mapping({ sizeBytes: SIZE, backing: 'memfd' });
    new Uint8Array(mapping.buffer)[pageSize] = BEFORE;
    using engine = CaptureEngine.open([{ memory: mapping }], stall);
    engine.arm();
    const image = await new CaptureImage(engine).complete(engine);
    expect(image.zeroPages).toBe(0);
    expect(image.regions[0]![pageSize]).toBe(BEFORE);
  });

  test('huge pages', async (context) => {
    // The writers' copies of nothing: private hugetlb memory needs one huge page for each of its own.
    await withHugePages(context, 2, async () => {
      using mapping = new Mapping({ sizeBytes: 2 * HUGE_PAGE_2MIB, hugePageSize: HUGE_PAGE_2MIB });
      const image = await expectCut(
        new Uint8Array(mapping.buffer),
        { memory: mapping },
        { preImagesMaxBytes: 8 << 20, overflow: 'stall' },
      );
      expect(image.pages).toBe(2);
    });
  });

  test('an ArrayBuffer', async () => {
    const buffer = wholePageBuffer('ArrayBuffer');
    const image = await expectCut(new Uint8Array(buffer), { memory: buffer });
    expect(image.pages).toBe(PAGES);
  });

  test('a SharedArrayBuffer', async () => {
    const buffer = wholePageBuffer('SharedArrayBuffer');
    const image = await expectCut(new Uint8Array(buffer), { memory: buffer });
    expect(image.pages).toBe(PAGES);
  });

  test('a WebAssembly.Memory', async () => {
    const memory = wasmMemory();
    const image = await expectCut(new Uint8Array(memory.buffer), { memory });
    expect(image.pages).toBe(PAGES);
  });

  test('a bare address range', async () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    const { address, sizeBytes } = mapping;
    const image = await expectCut(new Uint8Array(mapping.buffer), { memory: { address, sizeBytes } });
    expect(image.pages).toBe(PAGES);
  });

  test('the whole pages inside an ordinary buffer, when asked to', async () => {
    const buffer = new ArrayBuffer(SIZE);
    new Uint8Array(buffer).fill(BEFORE);
    using engine = CaptureEngine.open([{ memory: buffer, trim: true }], stall);
    expect(engine.pageCount).toBeGreaterThanOrEqual(PAGES - 1);
    engine.arm();
    const image = await new CaptureImage(engine).complete(engine);
    expect(image.regions[0]!.every((byte) => byte === BEFORE)).toBe(true);
  });

  test('several regions, faults in all of them, in one store', async () => {
    using first = new Mapping({ sizeBytes: SIZE });
    using second = new Mapping({ sizeBytes: SIZE, backing: 'memfd' });
    const views = [first, second].map(({ buffer }) => new Uint8Array(buffer).fill(BEFORE));
    using engine = CaptureEngine.open([{ memory: first }, { memory: second }], stall);
    engine.arm();
    for (let at = 0; at < SIZE; at += pageSize) for (const view of views) view[at] = AFTER;
    const image = await new CaptureImage(engine).complete(engine);
    for (const region of image.regions) expect(region.every((byte) => byte === BEFORE)).toBe(true);
    expect(engine.stats().faultPages).toBe(2 * PAGES);
  });

  test('two at once on different memory', async () => {
    using first = new Mapping({ sizeBytes: SIZE });
    using second = new Mapping({ sizeBytes: SIZE });
    const images = await Promise.all(
      [first, second].map((mapping) => expectCut(new Uint8Array(mapping.buffer), { memory: mapping })),
    );
    expect(images.map(({ pages }) => pages)).toEqual([PAGES, PAGES]);
  });

  test('with a store that spills, though nobody drains it', async () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    const bytes = new Uint8Array(mapping.buffer).fill(BEFORE);
    using engine = CaptureEngine.open([{ memory: mapping }], {
      preImagesMaxBytes: 4 * pageSize,
      overflow: 'spill',
    });
    engine.arm();
    bytes.fill(AFTER);
    expect(engine.stats()).toMatchObject({ faultPages: PAGES, preImageBytes: SIZE });
    expect(engine.stats().spilledBytesMax).toBeGreaterThan(0);
    const image = await new CaptureImage(engine).complete(engine);
    expect(image.regions[0]!.every((byte) => byte === BEFORE)).toBe(true);
    expect(engine.stats().preImageBytes).toBe(0);
  });
});

describe.skipIf(lacksUffd('WP_UNPOPULATED'))('refuses', () => {
  test('memory that does not start and end on a page', () => {
    const buffer = new ArrayBuffer(SIZE);
    expect(() => CaptureEngine.open([{ memory: new Uint8Array(buffer, 8, pageSize) }])).toThrow(RangeError);
  });

  test('memory without a whole page', () => {
    expect(() => CaptureEngine.open([{ memory: new Uint8Array(100), trim: true }])).toThrow('no whole page');
  });

  test('no memory, the same memory twice, and memory of another capture', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    const region = { memory: mapping };
    expect(() => CaptureEngine.open([])).toThrow(RangeError);
    expect(() => CaptureEngine.open([region, region], stall)).toThrow('regions overlap');
    using engine = CaptureEngine.open([region], stall);
    expect(() => CaptureEngine.open([region], stall)).toThrow(
      expect.objectContaining({ code: 'UFFD_EBUSY' }),
    );
    expect(engine.pageCount).toBe(PAGES);
  });

  test.each([
    [{ preImagesMaxBytes: -1 }, 'whole number'],
    [{ preImagesMaxBytes: 1.5 }, 'whole number'],
    [{ preImagesMaxBytes: 0 }, 'only with overflow stall'],
    [JSON.parse('{ "overflow": "never" }'), 'spill, stall or abort'],
  ] satisfies [CaptureEngineOptions, string][])('%j', (options, message) => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    expect(() => CaptureEngine.open([{ memory: mapping }], options)).toThrow(message);
  });

  test('a spill directory that is not there, and leaves the memory free', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    const options = { spillDirectory: '/nonexistent/stillframe' };
    expect(() => CaptureEngine.open([{ memory: mapping }], options)).toThrow(
      expect.objectContaining({ code: 'UFFD_ENOENT' }),
    );
    using engine = CaptureEngine.open([{ memory: mapping }], stall);
    expect(engine.pageCount).toBe(PAGES);
  });

  test('calls in the wrong order', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    const engine = CaptureEngine.open([{ memory: mapping }], stall);
    expect(() => engine.grant(1)).toThrow('not armed');
    engine.arm();
    expect(() => engine.arm()).toThrow('armed already');
    engine.close();
    engine.close();
    for (const use of [
      () => engine.arm(),
      () => engine.pull(1),
      () => engine.grant(1),
      () => engine.stats(),
    ]) {
      expect(use).toThrow(expect.objectContaining({ code: 'UFFD_CLOSED' }));
    }
  });
});

describe.skipIf(lacksUffd('WP_UNPOPULATED'))('fails, and the guest goes on', () => {
  test('when the store is full and overflow is abort', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    const bytes = new Uint8Array(mapping.buffer).fill(BEFORE);
    using engine = CaptureEngine.open([{ memory: mapping }], {
      preImagesMaxBytes: 4 * pageSize,
      overflow: 'abort',
    });
    engine.arm();
    bytes.fill(AFTER);
    expect(bytes.every((byte) => byte === AFTER)).toBe(true);
    expect(() => engine.pull(1)).toThrow(expect.objectContaining({ code: 'CAPTURE_STORE_FULL' }));
  });

  test('when the guest unmaps a range that was not captured', async () => {
    const { mmap, munmap } = await import('../src/index.ts');
    const address = mmap({ sizeBytes: SIZE, flags: ['PRIVATE', 'ANONYMOUS'] });
    const range = { address, sizeBytes: SIZE };
    using engine = CaptureEngine.open([{ memory: range }], stall);
    engine.arm();
    munmap(range);
    await engine.wait();
    expect(() => engine.pull(1)).toThrow(expect.objectContaining({ code: 'CAPTURE_GUEST_DISCARDED' }));
  });
});

test('slabs on loan outlive close, and their views end with their release', async () => {
  using mapping = new Mapping({ sizeBytes: SIZE });
  new Uint8Array(mapping.buffer).fill(BEFORE);
  const engine = CaptureEngine.open([{ memory: mapping }], stall);
  engine.arm();
  engine.grant(PAGES);
  let [slab] = engine.pull(1);
  while (slab === undefined) {
    // oxlint-disable-next-line no-await-in-loop -- until the sweep has brought one
    await engine.wait();
    [slab] = engine.pull(1);
  }
  engine.close();
  expect(slab.bytes.every((byte) => byte === BEFORE)).toBe(true);
  slab.release();
  slab.release();
  expect(slab.bytes.length).toBe(0);
  expect(addressOf(mapping.buffer).address).toBe(mapping.address);
});
