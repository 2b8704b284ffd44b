import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  closeFd,
  madvise,
  Mapping,
  openPagemap,
  pageSize,
  pagemapScan,
  Userfaultfd,
  type PageRegion,
} from '../src/index.ts';
import { lacks, machine } from './kernel.ts';

const { outcome } = machine.pagemapScan;
const noScan = lacks(outcome.ok, `PAGEMAP_SCAN: ${outcome.ok ? '' : outcome.reason}`);

describe('PAGEMAP_SCAN', () => {
  const PAGES = 8;
  let mapping: Mapping;
  let bytes: Uint8Array;
  let tracker: Userfaultfd;
  let pagemap: number;
  beforeEach(() => {
    mapping = new Mapping({ sizeBytes: PAGES * pageSize });
    bytes = new Uint8Array(mapping.buffer);
    tracker = Userfaultfd.open({ userModeOnly: true, features: ['WP_ASYNC', 'WP_UNPOPULATED'] });
    pagemap = openPagemap();
  });
  afterEach(() => {
    closeFd(pagemap);
    tracker.close();
    mapping.close();
  });
  const write = (...pages: number[]): void => {
    for (const page of pages) bytes[page * pageSize] = 1;
  };
  /** As [first page, number of pages]. */
  const runs = (regions: readonly PageRegion[]): number[][] =>
    regions.map(({ address, sizeBytes }) => [
      Number(address - mapping.address) / pageSize,
      sizeBytes / pageSize,
    ]);
  const written = (options = {}) => pagemapScan(pagemap, mapping, { all: ['WRITTEN'], ...options });

  test.skipIf(noScan)('finds what was written since arming, by the kernel as well', async () => {
    const { readSync, openSync, closeSync } = await import('node:fs');
    tracker.register(mapping, ['WP']);
    tracker.writeProtect(mapping);
    expect(written().regions).toEqual([]);
    write(1, 2);
    const file = openSync('/proc/self/stat', 'r');
    readSync(file, bytes, 5 * pageSize, 10, null);
    closeSync(file);
    const scan = written();
    expect(runs(scan.regions)).toEqual([
      [1, 2],
      [5, 1],
    ]);
    expect(scan.regions[0]?.categories).toEqual(['WRITTEN']);
    expect(scan.walkEnd).toBe(mapping.address + BigInt(mapping.sizeBytes));
  });

  test.skipIf(noScan)('arms again in the same step', () => {
    tracker.register(mapping, ['WP']);
    tracker.writeProtect(mapping);
    write(3);
    expect(runs(written({ writeProtectMatching: true }).regions)).toEqual([[3, 1]]);
    expect(written().regions).toEqual([]);
    write(3);
    expect(runs(written().regions)).toEqual([[3, 1]]);
  });

  test.skipIf(noScan)('can arm without an answer', () => {
    tracker.register(mapping, ['WP']);
    write(0, 4);
    expect(written({ writeProtectMatching: true, maxRegions: 0 }).regions).toEqual([]);
    expect(written().regions).toEqual([]);
  });

  test.skipIf(noScan)('stops when the answer is full, and goes on from there', () => {
    tracker.register(mapping, ['WP']);
    tracker.writeProtect(mapping);
    write(0, 2, 4);
    const first = written({ maxRegions: 2 });
    expect(runs(first.regions)).toEqual([
      [0, 1],
      [2, 1],
    ]);
    expect(first.walkEnd).toBeLessThan(mapping.address + BigInt(mapping.sizeBytes));
    const rest = {
      address: first.walkEnd,
      sizeBytes: mapping.address + BigInt(mapping.sizeBytes) - first.walkEnd,
    };
    expect(runs(pagemapScan(pagemap, rest, { all: ['WRITTEN'] }).regions)).toEqual([[4, 1]]);
  });

  test.skipIf(noScan)('stops after maxPages', () => {
    tracker.register(mapping, ['WP']);
    tracker.writeProtect(mapping);
    write(0, 1, 2, 3);
    expect(runs(written({ maxPages: 3 }).regions)).toEqual([[0, 3]]);
  });

  test.skipIf(noScan)('filters by all, any and inverted, and reports what is asked', () => {
    write(0, 1);
    expect(bytes[4 * pageSize]).toBe(0); // maps the zero page
    const scan = (options: object) => pagemapScan(pagemap, mapping, options).regions;
    expect(runs(scan({ all: ['PRESENT'] }))).toEqual([
      [0, 2],
      [4, 1],
    ]);
    expect(runs(scan({ all: ['PRESENT', 'PFNZERO'] }))).toEqual([[4, 1]]);
    expect(runs(scan({ all: ['PRESENT', 'PFNZERO'], inverted: ['PFNZERO'] }))).toEqual([[0, 2]]);
    expect(scan({ any: ['PFNZERO', 'SWAPPED'], report: ['PRESENT', 'PFNZERO'] })).toEqual([
      {
        address: mapping.address + BigInt(4 * pageSize),
        sizeBytes: pageSize,
        categories: ['PRESENT', 'PFNZERO'],
      },
    ]);
  });

  test.skipIf(noScan)('discarded pages count as written', () => {
    write(0, 1, 2);
    tracker.register(mapping, ['WP']);
    tracker.writeProtect(mapping);
    madvise({ address: mapping.address + BigInt(pageSize), sizeBytes: pageSize }, 'DONTNEED');
    expect(runs(written().regions)).toEqual([[1, 1]]);
  });

  test.skipIf(noScan)('checkWpAsync insists on tracked memory', () => {
    expect(() => written({ checkWpAsync: true })).toThrow(
      expect.objectContaining({ code: 'UFFD_EPERM', hint: expect.stringContaining('WP_ASYNC') }),
    );
    tracker.register(mapping, ['WP']);
    expect(() => written({ checkWpAsync: true })).not.toThrow();
  });

  test.skipIf(noScan)('only a pagemap can be scanned', async () => {
    const { openSync } = await import('node:fs');
    const other = openSync('/dev/null', 'r');
    expect(() => pagemapScan(other, mapping, { all: ['WRITTEN'] })).toThrow(
      expect.objectContaining({ code: 'UFFD_ENOTTY' }),
    );
    closeFd(other);
    expect(() => pagemapScan(other, mapping, { all: ['WRITTEN'] })).toThrow(
      expect.objectContaining({ code: 'UFFD_EBADF' }),
    );
  });

  test.skipIf(noScan)('an unwanted shape of the question is refused before the kernel sees it', () => {
    expect(() => written({ maxRegions: 0 })).toThrow(RangeError);
    expect(() => written({ maxRegions: (1 << 20) + 1 })).toThrow(RangeError);
    expect(() => written({ maxRegions: -1 })).toThrow(RangeError);
    expect(() => written({ all: ['NONSENSE'] })).toThrow(TypeError);
  });
});
