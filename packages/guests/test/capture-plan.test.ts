import { describe, expect, test } from 'vitest';
import type { CapturePlan } from '../src/process/capture-plan.ts';
import { FILTER_DEFAULT, filterMask, filterNames } from '../src/process/dump-filter.ts';
import { type ExtentSeed, mergeExtents } from '../src/process/extents.ts';
import { type Mapping, VM_FLAGS } from '../src/process/mapping.ts';
import type { PopulatedRange } from '../src/process/populated.ts';
import { scanWindows } from '../src/process/scan-windows.ts';
import { planner } from './planner.ts';
import { PAGE, sampleMapping } from './sample-mapping.ts';

const page = (number: number): bigint => BigInt(number) * BigInt(PAGE);
const pages = (start: number, end: number) => ({ start: page(start), end: page(end) });

const anonymous = (start: number, end: number, change: Partial<Mapping> = {}): Mapping =>
  sampleMapping(page(start), end - start, change);

const found = (start: number, end: number, change: Partial<PopulatedRange> = {}): PopulatedRange => ({
  ...pages(start, end),
  isFile: false,
  isGuard: false,
  ...change,
});

const inPages = ({ armed, copied }: CapturePlan) => ({
  armed: armed.map(toPages),
  copied: copied.map(toPages),
});

function toPages({ start, end }: { start: bigint; end: bigint }): number[] {
  return [Number(start) / PAGE, Number(end) / PAGE];
}

describe('the filter', () => {
  test('has the bits of coredump_filter', () => {
    expect(filterMask(FILTER_DEFAULT)).toBe(0x33);
    expect(filterNames(0x33)).toEqual([...FILTER_DEFAULT]);
    expect(filterNames(0x1ff)).toHaveLength(7);
    // @ts-expect-error -- there is no such name
    expect(() => filterMask(['everything'])).toThrow(RangeError);
  });
});

const seed = (start: number, end: number, bounds = pages(0, 2 ** 24)): ExtentSeed => ({
  ...pages(start, end),
  pageSize: PAGE,
  bounds,
});

describe('extents', () => {
  test('that touch are one, whatever they belong to', () => {
    expect(mergeExtents([seed(2, 3, pages(2, 9)), seed(1, 2, pages(0, 2))], 9)).toEqual([
      { ...pages(1, 3), pageSize: PAGE },
    ]);
  });

  test('are one across 16 pages, not across 17', () => {
    expect(mergeExtents([seed(0, 1), seed(17, 18)], 9)).toHaveLength(1);
    expect(mergeExtents([seed(0, 1), seed(18, 19)], 9)).toHaveLength(2);
  });

  test('never across the end of a mapping', () => {
    expect(mergeExtents([seed(0, 1, pages(0, 2)), seed(3, 4, pages(2, 4))], 9)).toHaveLength(2);
  });

  test('of different pages stay apart', () => {
    expect(mergeExtents([seed(0, 1), { ...seed(1, 2), pageSize: 2 * PAGE }], 9)).toHaveLength(2);
  });

  test('grow together as far as the number asks for', () => {
    const far = [0, 100, 300, 700].map((start) => seed(start, start + 1));
    expect(mergeExtents(far, 4)).toHaveLength(4);
    expect(mergeExtents(far, 3).map(({ end }) => Number(end) / PAGE)).toEqual([101, 301, 701]);
    expect(mergeExtents(far, 1)).toHaveLength(1);
  });

  test('more than can be are an error', () => {
    const seeds = [0, 1, 2].map((at) => seed(10 * at, 10 * at + 1, pages(10 * at, 10 * at + 5)));
    expect(mergeExtents(seeds, 3)).toHaveLength(3);
    expect(() => mergeExtents(seeds, 2)).toThrow(expect.objectContaining({ code: 'PROCESS_TOO_FRAGMENTED' }));
  });
});

describe('what to scan', () => {
  test('is put together across little memory and all that is not mapped', () => {
    const mapped = [pages(0, 10), pages(10_000_000, 10_010_000)];
    expect(scanWindows([pages(0, 1), pages(9, 10), pages(10_000_000, 10_000_001)], mapped)).toHaveLength(1);
    const limit = (16 * 2 ** 20) / PAGE;
    const from = 10_000_000;
    expect(
      scanWindows([pages(from, from + 1), pages(from + limit + 1, from + limit + 2)], mapped),
    ).toHaveLength(1);
    expect(
      scanWindows([pages(from, from + 1), pages(from + limit + 2, from + limit + 3)], mapped),
    ).toHaveLength(2);
  });
});

const file = (start: number, end: number, change: Partial<Mapping> = {}) =>
  anonymous(start, end, { kind: 'private-file', path: '/lib', inode: 5n, offset: page(3), ...change });

const shared = (start: number, end: number, change: Partial<Mapping> = {}) =>
  anonymous(start, end, {
    kind: 'shared-memory',
    perms: 14,
    inode: 7n,
    path: '/memfd:x (deleted)',
    ...change,
  });

const own = (start: number, kind: Mapping['kind']) => anonymous(start, start + 2, { kind });

describe('the plan', () => {
  test('nothing that was never touched', () => {
    expect(inPages(planner([]).plan([anonymous(0, 100)]))).toEqual({ armed: [], copied: [] });
  });

  test('only what exists of a mapping', () => {
    const plan = planner([found(3, 4), found(50, 52)]).plan([anonymous(0, 100)]);
    expect(inPages(plan).armed).toEqual([
      [3, 4],
      [50, 52],
    ]);
  });

  test('guard pages part what is around them', () => {
    const plan = planner([found(1, 2), found(2, 4, { isGuard: true }), found(4, 5)]).plan([anonymous(0, 9)]);
    expect(inPages(plan).armed).toEqual([
      [1, 2],
      [4, 5],
    ]);
  });

  test('MADV_DONTDUMP is left out unless asked for', () => {
    const mappings = [anonymous(0, 9, { flags: VM_FLAGS.mw | VM_FLAGS.dd })];
    expect(planner([found(1, 2)]).plan(mappings).armed).toHaveLength(0);
    expect(planner([found(1, 2)], { includeDontDump: true }).plan(mappings).armed).toHaveLength(1);
  });

  test('a small file mapping that was written to is copied whole, one that was not, not at all', () => {
    const written = planner([found(2, 3), found(3, 4, { isFile: true })]);
    expect(inPages(written.plan([file(0, 9)])).copied).toEqual([[0, 9]]);
    expect(inPages(planner([found(3, 4, { isFile: true })]).plan([file(0, 9)])).copied).toEqual([]);
  });

  test('of a large one only what was written to', () => {
    const plan = planner([found(10, 11), found(27, 28), found(200, 201)]).plan([file(0, 257)]);
    expect(inPages(plan).copied).toEqual([
      [10, 28],
      [200, 201],
    ]);
    expect(inPages(planner([found(10, 11)]).plan([file(0, 256)])).copied).toEqual([[0, 256]]);
  });

  test('the header of an ELF file', () => {
    const code = file(0, 9, { offset: 0n, perms: 5 });
    expect(inPages(planner([]).plan([code])).copied).toEqual([[0, 1]]);
    expect(inPages(planner([], { isElf: () => false }).plan([code])).copied).toEqual([]);
    expect(inPages(planner([], { filter: ['anonymous'] }).plan([code])).copied).toEqual([]);
    expect(inPages(planner([], { filter: ['private-file'] }).plan([code])).copied).toEqual([[0, 9]]);
    expect(inPages(planner([]).plan([file(0, 9, { offset: 0n, perms: 0 })])).copied).toEqual([]);
  });

  test('at most copyMaxBytes are copied', () => {
    const options = { filter: ['private-file'] as const };
    expect(planner([], { ...options, copyMaxBytes: 9 * PAGE }).plan([file(0, 9)]).copied).toHaveLength(1);
    expect(() => planner([], { ...options, copyMaxBytes: 9 * PAGE - 1 }).plan([file(0, 9)])).toThrow(
      expect.objectContaining({
        code: 'PROCESS_COPY_TOO_LARGE',
        operands: { bytes: 9 * PAGE, copyMaxBytes: 9 * PAGE - 1, path: '/lib' },
      }),
    );
  });

  test('shared memory: what its file has', () => {
    const plan = planner([], { sharedData: () => [pages(4, 5)] }).plan([shared(0, 100)]);
    expect(inPages(plan).armed).toEqual([[4, 5]]);
  });

  test('shared memory whose file cannot be asked: whole, up to 1 GiB', () => {
    const blind = planner([], { sharedData: () => undefined });
    const limit = 2 ** 30 / PAGE;
    expect(inPages(blind.plan([shared(0, limit)])).armed).toEqual([[0, limit]]);
    expect(() => blind.plan([shared(0, limit + 1)])).toThrow(
      expect.objectContaining({ code: 'PROCESS_SPARSE_SHARED_MEMORY' }),
    );
  });

  test('shared memory that can never be written to is copied', () => {
    expect(inPages(planner([]).plan([shared(0, 9, { flags: 0, perms: 12 })])).copied).toEqual([[0, 9]]);
  });

  test('shared memory that is mapped twice is copied, where it is the same', () => {
    const other = { inode: 8n };
    const plan = planner([]).plan([
      shared(0, 4),
      shared(10, 12, { offset: page(3) }),
      shared(20, 22, { offset: page(5) }),
      shared(30, 34, other),
    ]);
    expect(inPages(plan).copied).toEqual([
      [0, 4],
      [10, 12],
    ]);
    const readOnly = { flags: 0, perms: 12 };
    const memory = planner([], { sharedData: ({ start, end }) => [{ start, end }] });
    expect(inPages(memory.plan([shared(0, 4, other), shared(30, 34)])).armed).toEqual([
      [0, 4],
      [30, 34],
    ]);
    expect(inPages(memory.plan([shared(0, 4, readOnly), shared(10, 14, readOnly)])).copied).toHaveLength(2);
  });

  test('huge pages are whole huge pages', () => {
    const huge = anonymous(0, 2048, {
      kind: 'hugetlb',
      pageSize: 512 * PAGE,
      path: '/anon_hugepage (deleted)',
    });
    const plan = planner([found(512, 1024)]).plan([huge]);
    expect(plan.armed).toEqual([{ ...pages(512, 1024), pageSize: 512 * PAGE }]);
    expect(planner([found(512, 1024)], { filter: ['anonymous'] }).plan([huge]).armed).toEqual([]);
  });

  test('the kernel’s own mappings: the vdso is copied, nothing else', () => {
    const plan = planner([]).plan([own(0, 'vdso'), own(2, 'vvar'), own(4, 'device'), own(6, 'vsyscall')]);
    expect(inPages(plan)).toEqual({ armed: [], copied: [[0, 2]] });
  });

  test('regions have a bound that copied ones count for', () => {
    const mappings = [anonymous(0, 2), anonymous(10, 12), anonymous(20, 22, { kind: 'vdso' })];
    const populated = [found(0, 1), found(10, 11)];
    expect(planner(populated, { maxRegions: 3 }).plan(mappings).armed).toHaveLength(2);
    expect(() => planner(populated, { maxRegions: 2 }).plan(mappings)).toThrow(
      expect.objectContaining({ code: 'PROCESS_TOO_FRAGMENTED' }),
    );
  });
});

/** A planner that has planned with `before`, and finds `later` at the cut; and the windows that it looks at then. */
function planned(mappings: readonly Mapping[], before: PopulatedRange[], later: PopulatedRange[]) {
  const windows: { start: bigint; end: bigint }[] = [];
  const made = planner([], {
    scan: ({ start, end }, { unarmed = false } = {}) => {
      if (unarmed) windows.push({ start, end });
      return (unarmed ? later : before).filter((range) => range.start >= start && range.end <= end);
    },
  });
  made.plan(mappings);
  return { windows, atCut: (now: readonly Mapping[]) => inPages(made.planAtCut(now)) };
}

describe('the plan at the cut', () => {
  const mapping = anonymous(0, 100);

  test('keeps what was armed, and looks only at the rest', () => {
    const { windows, atCut } = planned([mapping], [found(0, 30)], [found(60, 61)]);
    expect(atCut([mapping]).armed).toEqual([
      [0, 30],
      [60, 61],
    ]);
    expect(windows).toEqual([pages(30, 100)]);
  });

  test('what was written to since it was armed is not told twice', () => {
    const { atCut } = planned([mapping], [found(0, 30)], [found(30, 31)]);
    expect(atCut([mapping]).armed).toEqual([[0, 31]]);
  });

  test('leaves out what was unmapped', () => {
    const { atCut } = planned([mapping], [found(0, 30)], []);
    expect(atCut([anonymous(0, 5), anonymous(20, 25)]).armed).toEqual([
      [0, 5],
      [20, 25],
    ]);
    expect(atCut([]).armed).toEqual([]);
  });

  test('finds what was mapped since', () => {
    const fresh = anonymous(200, 210);
    const { windows, atCut } = planned([mapping], [found(0, 100)], [found(201, 202)]);
    expect(atCut([mapping, fresh]).armed).toEqual([
      [0, 100],
      [201, 202],
    ]);
    expect(windows).toEqual([pages(200, 210)]);
  });

  test('file mappings that were written to since are copied, armed ones stay', () => {
    const lib = file(200, 205);
    const { atCut } = planned([mapping, lib], [found(0, 10)], [found(202, 203)]);
    expect(atCut([mapping, lib])).toEqual({ armed: [[0, 10]], copied: [[200, 205]] });
  });

  test('shared memory that is mapped a second time since is copied', () => {
    const memory = shared(200, 204);
    const made = planner([], { sharedData: ({ start, end }) => [{ start, end }] });
    expect(inPages(made.plan([memory])).armed).toEqual([[200, 204]]);
    expect(inPages(made.planAtCut([memory, shared(300, 304)]))).toEqual({
      armed: [],
      copied: [
        [200, 204],
        [300, 304],
      ],
    });
  });

  test('whole mappings are registered, with what touches them', () => {
    const mappings = [anonymous(0, 5), anonymous(5, 10), anonymous(20, 25), anonymous(30, 35)];
    const plan = planner([found(7, 8), found(31, 32)]).plan(mappings);
    expect(plan.registered.map(toPages)).toEqual([
      [0, 10],
      [30, 35],
    ]);
  });
});
