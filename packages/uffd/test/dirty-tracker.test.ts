import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  addressOf,
  BRAKE_DELAY_MAX_US,
  BRAKE_SHARE_MAX,
  type CaptureRegion,
  DirtyTracker,
  HUGE_PAGE_2MIB,
  madvise,
  Mapping,
  mmap,
  munmap,
  pageSize,
  probe,
  type TrackKind,
  Userfaultfd,
} from '../src/index.ts';
import { withHugePages } from './huge-pages.ts';
import { lacks, lacksUffd } from './kernel.ts';
import { Stage } from './stage.ts';

const PAGES = 64;
const SIZE = PAGES * pageSize;
const KINDS: readonly TrackKind[] = ['async', 'sync'];

const lacksTracking =
  lacksUffd('WP_UNPOPULATED', 'WP_HUGETLBFS_SHMEM') ||
  lacks(probe().pagemapScan.outcome.ok, 'PAGEMAP_SCAN or WP_ASYNC is not there');

/** Pages of the first region that a tracker names, one by one. */
function pagesOf(tracker: DirtyTracker): number[] {
  return tracker
    .collect()
    .flatMap(({ firstPage, pageCount }) => Array.from({ length: pageCount }, (_, at) => firstPage + at));
}

function write(memory: ArrayBufferLike, ...pages: number[]): void {
  const bytes = new Uint8Array(memory);
  for (const page of pages) bytes[page * pageSize + 7] = bytes[page * pageSize + 7]! + 1;
}

function started(kind: TrackKind, memory: CaptureRegion['memory']): DirtyTracker {
  const tracker = DirtyTracker.open([{ memory }], { kind });
  tracker.start();
  return tracker;
}

describe.skipIf(lacksTracking).for(KINDS)('tracking, %s', (kind) => {
  test.for(['anonymous', 'memfd'] as const)('pages of %s memory that are written, each once', (backing) => {
    using mapping = new Mapping({ sizeBytes: SIZE, backing });
    new Uint8Array(mapping.buffer).fill(1);
    using tracker = started(kind, mapping);
    expect(pagesOf(tracker)).toEqual([]);
    write(mapping.buffer, 3, 4, 5, 63);
    expect(tracker.count()).toBe(4);
    expect(tracker.collect()).toEqual([
      { region: 0, firstPage: 3, pageCount: 3 },
      { region: 0, firstPage: 63, pageCount: 1 },
    ]);
    expect(tracker.count()).toBe(0);
    expect(tracker.collect()).toEqual([]);
    write(mapping.buffer, 4);
    expect(pagesOf(tracker)).toEqual([4]);
  });

  test('pages that were never touched', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    using tracker = started(kind, mapping);
    expect(pagesOf(tracker)).toEqual([]);
    expect(new Uint8Array(mapping.buffer)[9 * pageSize]).toBe(0);
    expect(pagesOf(tracker)).toEqual([]);
    write(mapping.buffer, 2, 9);
    expect(pagesOf(tracker)).toEqual([2, 9]);
    expect(pagesOf(tracker)).toEqual([]);
  });

  test('several regions, that follow each other or not', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    const at = (page: number, pages: number) => ({
      memory: { address: mapping.address + BigInt(page * pageSize), sizeBytes: pages * pageSize },
    });
    using tracker = DirtyTracker.open([at(32, 8), at(0, 8), at(8, 8)], { kind });
    tracker.start();
    write(mapping.buffer, 7, 8, 20, 33);
    expect(tracker.collect()).toEqual([
      { region: 0, firstPage: 1, pageCount: 1 },
      { region: 1, firstPage: 7, pageCount: 1 },
      { region: 2, firstPage: 0, pageCount: 1 },
    ]);
  });

  test('what the kernel writes for us', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    new Uint8Array(mapping.buffer).fill(1);
    using tracker = started(kind, mapping);
    madvise({ address: mapping.address + BigInt(5 * pageSize), sizeBytes: pageSize }, 'POPULATE_WRITE');
    expect(pagesOf(tracker)).toEqual([5]);
  });

  test('pages that are thrown away are zeros now: written', () => {
    const sizeBytes = 8 * HUGE_PAGE_2MIB;
    using mapping = new Mapping({ sizeBytes });
    madvise(mapping, 'NOHUGEPAGE');
    new Uint8Array(mapping.buffer).fill(1);
    using tracker = started(kind, mapping);
    const address = (page: number): bigint => mapping.address + BigInt(page * pageSize);
    madvise({ address: address(3), sizeBytes: pageSize }, 'DONTNEED');
    // Whole page tables with it: what is left of them has no entry that could be looked at.
    madvise({ address: address(1024), sizeBytes: 3 * HUGE_PAGE_2MIB }, 'DONTNEED');
    const runs = tracker.collect();
    expect(runs).toEqual([
      { region: 0, firstPage: 3, pageCount: 1 },
      { region: 0, firstPage: 1024, pageCount: (3 * HUGE_PAGE_2MIB) / pageSize },
    ]);
    expect(tracker.collect()).toEqual([]);
    write(mapping.buffer, 3, 1500);
    expect(pagesOf(tracker)).toEqual([3, 1500]);
  });

  test('transparent huge pages: as a whole, or the pages that were written', () => {
    using mapping = new Mapping({ sizeBytes: 4 * HUGE_PAGE_2MIB });
    madvise(mapping, 'HUGEPAGE');
    new Uint8Array(mapping.buffer).fill(1);
    using tracker = started(kind, mapping);
    expect(pagesOf(tracker)).toEqual([]);
    write(mapping.buffer, 700);
    const pages = pagesOf(tracker);
    expect(pages).toContain(700);
    expect(pages.length).toBeLessThanOrEqual(HUGE_PAGE_2MIB / pageSize);
    expect(pagesOf(tracker)).toEqual([]);
  });

  test('hugetlb pages', async (context) => {
    await withHugePages(context, 3, () => {
      using mapping = new Mapping({ sizeBytes: 3 * HUGE_PAGE_2MIB, hugePageSize: HUGE_PAGE_2MIB });
      const bytes = new Uint8Array(mapping.buffer);
      bytes.fill(1);
      using tracker = started(kind, mapping);
      expect(tracker.regions[0]!.pageSize).toBe(HUGE_PAGE_2MIB);
      expect(tracker.collect()).toEqual([]);
      bytes[HUGE_PAGE_2MIB + 5] = 9;
      expect(tracker.collect()).toEqual([{ region: 0, firstPage: 1, pageCount: 1 }]);
      expect(tracker.collect()).toEqual([]);
    });
  });

  test('memory of WebAssembly', () => {
    const { Memory } = Reflect.get(globalThis, 'WebAssembly');
    const memory: { buffer: ArrayBuffer } = new Memory({ initial: 4, maximum: 4 });
    using tracker = started(kind, memory);
    write(memory.buffer, 1, 40);
    expect(pagesOf(tracker)).toEqual([1, 40]);
  });

  test('in slices, and a collection that is given up loses nothing', async () => {
    using mapping = new Mapping({ sizeBytes: 1 << 30 });
    madvise(mapping, 'NOHUGEPAGE');
    using tracker = DirtyTracker.open([{ memory: mapping }], { kind });
    await tracker.startSliced();
    const last = (1 << 30) / pageSize - 1;
    write(mapping.buffer, 1, last);
    const stop = new AbortController();
    const given = tracker.collectSliced(stop.signal);
    expect(() => tracker.count()).toThrow(/asked already/);
    stop.abort();
    await expect(given).rejects.toThrow(/abort/i);
    expect(tracker.count()).toBe(2);
    expect((await tracker.collectSliced()).map(({ firstPage }) => firstPage)).toEqual([1, last]);
    expect(await tracker.collectSliced()).toEqual([]);
  });

  test('other memory at the same place counts as written as a whole', () => {
    const sizeBytes = SIZE;
    const address = mmap({ sizeBytes, flags: ['PRIVATE', 'ANONYMOUS'] });
    const middle = { address: address + BigInt(16 * pageSize), sizeBytes: 8 * pageSize };
    try {
      using tracker = started(kind, { address, sizeBytes });
      munmap(middle);
      mmap({ ...middle, flags: ['PRIVATE', 'ANONYMOUS', 'FIXED'] });
      const pages = pagesOf(tracker);
      expect(pages).toEqual(expect.arrayContaining([16, 17, 18, 19, 20, 21, 22, 23]));
      expect(pagesOf(tracker)).toEqual([]);
      madvise({ address: middle.address, sizeBytes: pageSize }, 'POPULATE_WRITE');
      expect(pagesOf(tracker)).toEqual([16]);
    } finally {
      munmap({ address, sizeBytes });
    }
  });

  test('memory that cannot be tracked any more is told by name', () => {
    const address = mmap({ sizeBytes: SIZE, flags: ['PRIVATE', 'ANONYMOUS'] });
    const memory = { address, sizeBytes: SIZE };
    using tracker = started(kind, memory);
    munmap(memory);
    using other = Userfaultfd.open({ features: ['PAGEFAULT_FLAG_WP'], userModeOnly: true });
    if (kind === 'async') {
      // A gap is passed over by the kernel's walk; what somebody else has is not.
      mmap({ address, sizeBytes: SIZE, flags: ['PRIVATE', 'ANONYMOUS', 'FIXED'] });
      other.register(memory, ['WP']);
    }
    expect(() => tracker.collect()).toThrow(expect.objectContaining({ code: 'TRACK_MEMORY_GONE' }));
    if (kind === 'async') munmap(memory);
  });

  test('after close the memory is free: for a tracker, too', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    const tracker = started(kind, mapping);
    expect(() => DirtyTracker.open([{ memory: mapping }], { kind })).toThrow(/EBUSY/);
    tracker.close();
    tracker.close();
    write(mapping.buffer, 1);
    expect(() => tracker.collect()).toThrow(/closed/);
    using again = started(kind, mapping);
    expect(pagesOf(again)).toEqual([]);
  });

  test('is asked in order', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    using tracker = DirtyTracker.open([{ memory: mapping }], { kind });
    expect(() => tracker.collect()).toThrow(/not started/);
    expect(() => tracker.use([])).toThrow(TypeError);
    tracker.start();
    write(mapping.buffer, 1, 2);
    tracker.start();
    expect(pagesOf(tracker)).toEqual([]);
  });

  test('memory that is garbage stays until the tracker is closed', () => {
    const buffer = Reflect.construct(ArrayBuffer, [SIZE, { maxByteLength: SIZE }]);
    const { address } = addressOf(buffer);
    using tracker = started(kind, buffer);
    expect(readFileSync('/proc/self/maps', 'latin1')).toContain(address.toString(16));
    expect(tracker.kind).toBe(kind);
  });
});

describe.skipIf(lacksTracking)('the brake', () => {
  test('holds whoever writes to a clean page, and says for how long', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    using tracker = started('sync', mapping);
    write(mapping.buffer, 1, 2);
    expect(tracker.counts()).toEqual({ faults: 2, heldMs: 0 });
    tracker.brake({ delayUs: 500, maxShare: 0.5 });
    // The thread that is held runs JavaScript: nobody needs it to be let go.
    for (let page = 3; page < PAGES; page++) write(mapping.buffer, page);
    const { faults, heldMs } = tracker.counts();
    expect(faults).toBe(PAGES - 1);
    expect(heldMs).toBeGreaterThan(0);
    tracker.brake({ delayUs: 0, maxShare: 0 });
    expect(pagesOf(tracker)).toHaveLength(PAGES - 1);
    write(mapping.buffer, 1);
    expect(tracker.counts().heldMs).toBe(heldMs);
  });

  test('is not for what nobody waits for', () => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    using tracker = started('async', mapping);
    expect(() => tracker.brake({ delayUs: 1, maxShare: 0.5 })).toThrow(
      expect.objectContaining({ code: 'TRACK_UNSUPPORTED' }),
    );
    expect(tracker.counts()).toEqual({ faults: 0, heldMs: 0 });
  });

  test.for([
    [-1, 0.5],
    [100_001, 0.5],
    [Number.NaN, 0.5],
    [1, -0.01],
    [1, 0.96],
  ])('refuses a delay of %d µs with a share of %d', ([delayUs, maxShare]) => {
    using mapping = new Mapping({ sizeBytes: SIZE });
    using tracker = started('sync', mapping);
    tracker.brake({ delayUs: BRAKE_DELAY_MAX_US, maxShare: BRAKE_SHARE_MAX });
    expect(() => tracker.brake({ delayUs: delayUs!, maxShare: maxShare! })).toThrow(RangeError);
  });
});

const NOBODY = 65_534;

test.skipIf(lacksTracking || lacks(process.getuid?.() === 0, 'only root can become another user'))(
  'needs no privilege, and sees what the kernel writes for the process',
  () => {
    using stage = new Stage();
    const text = `
      import { openSync, readSync } from 'node:fs';
      import { DirtyTracker, Mapping, pageSize } from '@stillframe/uffd';
      {
        const mapping = new Mapping({ sizeBytes: 16 * pageSize });
        const bytes = new Uint8Array(mapping.buffer).fill(1);
        const tracker = DirtyTracker.open([{ memory: mapping }]);
        tracker.start();
        bytes[5 * pageSize] = 2;
        readSync(openSync('/dev/zero', 'r'), bytes, 9 * pageSize, 10);
        console.log(JSON.stringify([process.getuid(), tracker.kind, tracker.collect(), tracker.collect()]));
        tracker.close();
      }
    `;
    expect(JSON.parse(stage.run(text, { uid: NOBODY }))).toEqual([
      NOBODY,
      'async',
      [5, 9].map((firstPage) => ({ region: 0, firstPage, pageCount: 1 })),
      [],
    ]);
  },
);
