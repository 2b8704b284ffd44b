import { describe, expect, test } from 'vitest';
import { coreLayout, CoreTarget } from '../src/core/index.ts';
import { HOLE_SPLIT_BYTES } from '../src/core/segments.ts';
import { encodeProcessState } from '../src/process/state-encode.ts';
import { PROCESS_STATE_KIND, type ProcessState } from '../src/process/state.ts';
import { readCore } from './core-file.ts';
import { MemoryCore } from './memory-core.ts';
import { PAGE } from './sample-mapping.ts';
import { sampleRegion, sampleState, sampleThread, stateMapping } from './sample-state.ts';

const NT_FILE = 0x4649_4c45;
const NT_SIGINFO = 0x5349_4749;

const core = (state: ProcessState) => readCore(coreLayout(state).head);
const typesOf = (state: ProcessState) =>
  core(state).notes.map(({ name, type }) => `${name} ${type.toString(16)}`);
const noteOf = (state: ProcessState, type: number) => {
  const { bytes } = core(state).notes.find((note) => note.type === type)!;
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
};
const regionsOf = ({ regions }: ProcessState) =>
  regions.map(({ sizeBytes, pageSize }, id) => ({ id, name: `region-${id}`, sizeBytes, pageSize }));
const stateOf = (state: ProcessState) => ({ kind: PROCESS_STATE_KIND, bytes: encodeProcessState(state) });

describe('notes', () => {
  test('are those of the kernel, in its order, the leader first', () => {
    const thread = ['CORE 1', 'CORE 2', 'LINUX 202'];
    expect(typesOf(sampleState())).toEqual([
      'CORE 1',
      'CORE 3',
      `CORE ${NT_SIGINFO.toString(16)}`,
      'CORE 6',
      `CORE ${NT_FILE.toString(16)}`,
      'CORE 2',
      'LINUX 202',
      ...thread,
      ...thread,
    ]);
    const tids = core(sampleState())
      .notes.filter(({ type }) => type === 1)
      .map(({ bytes }) => new DataView(bytes.buffer).getInt32(32, true));
    expect(tids).toEqual([100, 101, 102]);
  });

  test('prstatus', () => {
    const { bytes, view } = noteOf(sampleState({ threads: [sampleThread(100, { stopSignal: 11 })] }), 1);
    expect(bytes).toHaveLength(336);
    expect([view.getInt32(0, true), view.getInt16(12, true)]).toEqual([11, 11]);
    expect([view.getBigUint64(16, true), view.getBigUint64(24, true)]).toEqual([1n, 0x4000n]);
    expect([32, 36, 40, 44].map((at) => view.getInt32(at, true))).toEqual([100, 1, 99, 98]);
    expect(bytes.subarray(112, 328)).toEqual(new Uint8Array(216).fill(100));
    expect(view.getInt32(328, true)).toBe(1);
  });

  test('prstatus of aarch64 has more registers', () => {
    const threads = [sampleThread(100, { regsets: [{ type: 1, bytes: new Uint8Array(272).fill(9) }] })];
    const state = sampleState({ arch: 'aarch64', threads });
    const { bytes, view } = noteOf(state, 1);
    expect(bytes).toHaveLength(392);
    expect(view.getInt32(384, true)).toBe(1);
    expect(core(state).machine).toBe(183);
    expect(core(sampleState()).machine).toBe(62);
  });

  test('prpsinfo', () => {
    const { bytes, view } = noteOf(sampleState({ args: 'a'.repeat(100) }), 3);
    expect(bytes).toHaveLength(136);
    expect([bytes[0], String.fromCharCode(bytes[1]!), bytes[2], view.getInt8(3)]).toEqual([1, 'S', 0, -5]);
    expect(view.getBigUint64(8, true)).toBe(0x40_0000n);
    expect([16, 20, 24, 28, 32, 36].map((at) => view.getUint32(at, true))).toEqual([
      1000, 4_294_967_294, 100, 1, 99, 98,
    ]);
    expect(Buffer.from(bytes.subarray(40, 56)).toString()).toBe(`sample${'\0'.repeat(10)}`);
    expect(Buffer.from(bytes.subarray(56)).toString()).toBe(`${'a'.repeat(79)}\0`);
  });

  test('files', () => {
    const { bytes, view } = noteOf(sampleState(), NT_FILE);
    const words = Array.from({ length: 8 }, (_, at) => view.getBigUint64(8 * at, true));
    expect(words).toEqual([2n, 4096n, 0x1000n, 0x5000n, 0n, 0x7f00_0000_0000n, 0x7f00_0000_2000n, 3n]);
    expect(Buffer.from(bytes.subarray(64)).toString()).toBe('/usr/bin/sample\0/usr/bin/sample\0');
    expect(typesOf(sampleState({ mappings: [stateMapping(0x1000n, 1)], regions: [] }))).not.toContain(
      `CORE ${NT_FILE.toString(16)}`,
    );
  });

  test('siginfo is that of the leader', () => {
    const siginfo = new Uint8Array(128).fill(5);
    const threads = [sampleThread(101), sampleThread(100, { siginfo, stopSignal: 5 })];
    expect(noteOf(sampleState({ threads }), NT_SIGINFO).bytes).toEqual(siginfo);
    expect(noteOf(sampleState(), NT_SIGINFO).bytes).toEqual(new Uint8Array(128));
  });
});

const shape = (state: ProcessState) =>
  core(state).segments.map(({ address, fileBytes, memoryBytes }) => [
    address,
    fileBytes / PAGE,
    Number(memoryBytes) / PAGE,
  ]);

const atEnd = (pages: number) =>
  sampleState({ mappings: [stateMapping(0n, pages + 1)], regions: [sampleRegion(0n, 1)] });

const many = (count: number) =>
  sampleState({
    mappings: Array.from({ length: count }, (_, at) => stateMapping(BigInt(at) << 13n, 1)),
    regions: [],
  });

describe('segments', () => {
  test('one for each mapping; of a file only what the image has', () => {
    expect(shape(sampleState())).toEqual([
      [0x1000n, 1, 1],
      [0x2000n, 0, 3],
      [0x10_0000n, 16, 16],
      [0x7f00_0000_0000n, 2, 2],
      [0xffff_ffff_ff60_0000n, 0, 1],
    ]);
    expect(core(sampleState()).segments.map(({ flags }) => flags)).toEqual([5, 5, 6, 6, 1]);
  });

  test('stand in the file one after the other, on pages', () => {
    const state = sampleState();
    const { head, sizeBytes } = coreLayout(state);
    const { segments } = core(state);
    let expected = head.length;
    for (const { offset, fileBytes, alignment } of segments) {
      expect([offset, alignment]).toEqual([expected, PAGE]);
      expected += fileBytes;
    }
    expect(sizeBytes).toBe(expected);
    expect(head.length % PAGE).toBe(0);
  });

  test('a hole of 1 GiB splits, one page less does not', () => {
    const gib = Number(HOLE_SPLIT_BYTES) / PAGE;
    const withHole = (pages: number) =>
      sampleState({
        mappings: [stateMapping(0n, 3 * gib)],
        regions: [sampleRegion(0n, 1), sampleRegion(BigInt((1 + pages) * PAGE), 1)],
      });
    expect(shape(withHole(gib - 1))).toEqual([
      [0n, gib + 1, gib + 1],
      [BigInt(gib + 1) * 4096n, 0, 2 * gib - 1],
    ]);
    expect(shape(withHole(gib)).map(([, pages]) => pages)).toEqual([1, 0, 1, 0]);
    expect(shape(atEnd(gib - 1))).toEqual([[0n, gib, gib]]);
    expect(shape(atEnd(gib))).toEqual([
      [0n, 1, 1],
      [4096n, 0, gib],
    ]);
  });

  test('a region across two mappings has a place in each', () => {
    const state = sampleState({
      mappings: [stateMapping(0x1000n, 2), stateMapping(0x3000n, 2, { perms: 4 })],
      regions: [sampleRegion(0x2000n, 2)],
    });
    const { spans, head } = coreLayout(state);
    expect(spans).toEqual([
      [
        { firstPage: 0, pageCount: 1, fileOffset: head.length + PAGE },
        { firstPage: 1, pageCount: 1, fileOffset: head.length + 2 * PAGE },
      ],
    ]);
  });

  test('more program headers than the first field can hold', () => {
    for (const count of [0xffff - 2, 0xffff - 1, 0xffff]) {
      const { head } = coreLayout(many(count));
      expect(readCore(head).segments).toHaveLength(count);
      const isExtended = count + 1 >= 0xffff;
      const view = new DataView(head.buffer);
      expect([view.getUint16(56, true), view.getUint16(60, true)]).toEqual(
        isExtended ? [0xffff, 1] : [count + 1, 0],
      );
    }
  });

  test('what contradicts itself is refused', () => {
    const unmapped = sampleState({ regions: [sampleRegion(0x9000_0000n, 1)] });
    expect(() => coreLayout(unmapped)).toThrow(expect.objectContaining({ code: 'CORE_REGION_UNMAPPED' }));
    const torn = sampleState({
      mappings: [stateMapping(0x2000n, 1), stateMapping(0x3000n, 1)],
      regions: [sampleRegion(0x2000n, 2, { pageSize: 8192 })],
    });
    expect(() => coreLayout(torn)).toThrow(expect.objectContaining({ code: 'CORE_REGION_UNMAPPED' }));
  });

  test('a file that is too large for a number is refused', () => {
    const sizePages = Math.floor(Number.MAX_SAFE_INTEGER / PAGE);
    const mappings = Array.from({ length: 2 ** 10 }, (_, at) => stateMapping(BigInt(at) << 54n, 1));
    expect(() =>
      coreLayout(sampleState({ mappings: mappings.slice(0, 1), regions: [sampleRegion(0n, 1)] })),
    ).not.toThrow();
    const huge = [stateMapping(0n, sizePages)];
    const regions = Array.from({ length: 4096 }, (_, at) => sampleRegion(BigInt(at) << 42n, 2 ** 30));
    expect(() => coreLayout(sampleState({ mappings: [{ ...huge[0]!, end: 1n << 55n }], regions }))).toThrow(
      expect.objectContaining({ code: 'CORE_TOO_LARGE' }),
    );
  });
});

const page = (value: number) => new Uint8Array(PAGE).fill(value);

describe('the target', () => {
  const state = sampleState();

  test('pages in any order go to their place, holes stay holes', async () => {
    const file = new MemoryCore();
    const target = new CoreTarget(file);
    await target.allocate(regionsOf(state));
    await target.writeState(stateOf(state));
    await target.writePages(0, [{ firstPage: 2, pageCount: 1, kind: 'data' }], page(2));
    const both = new Uint8Array([...page(9), ...page(1)]);
    await target.writePages(
      3,
      [
        { firstPage: 1, pageCount: 1, kind: 'data' },
        { firstPage: 0, pageCount: 1, kind: 'zero' },
      ],
      both.subarray(0, PAGE),
    );
    await target.writePages(
      0,
      [
        { firstPage: 0, pageCount: 1, kind: 'zero' },
        { firstPage: 1, pageCount: 1, kind: 'data' },
      ],
      both.subarray(PAGE),
    );
    await target.commit();
    expect(file.fate).toBe('committed');
    const { segments } = readCore(file.bytes);
    const byteAt = (address: bigint) => {
      const segment = segments.find(
        ({ address: start, fileBytes }) => start <= address && address < start + BigInt(fileBytes),
      )!;
      return file.bytes[segment.offset + Number(address - segment.address)];
    };
    expect([0x10_1000n, 0x10_2000n, 0x10_3000n, 0x7f00_0000_1fffn].map(byteAt)).toEqual([0, 1, 2, 9]);
    expect(file.writes.slice(1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(3 * PAGE);
    await target.discard();
    expect(file.fate).toBe('committed');
  });

  test('a run across two mappings is written in two places', async () => {
    const split = sampleState({
      mappings: [
        stateMapping(0x1000n, 2, { kind: 'private-file', path: '/a' }),
        stateMapping(0x3000n, 2, { kind: 'private-file', path: '/b' }),
      ],
      regions: [sampleRegion(0x2000n, 2)],
    });
    const file = new MemoryCore();
    const target = new CoreTarget(file);
    await target.allocate(regionsOf(split));
    await target.writeState(stateOf(split));
    await target.writePages(
      0,
      [{ firstPage: 0, pageCount: 2, kind: 'data' }],
      new Uint8Array([...page(4), ...page(5)]),
    );
    expect(file.writes.slice(1).map(({ sizeBytes }) => sizeBytes)).toEqual([PAGE, PAGE]);
    expect([file.bytes.at(-1), file.bytes.at(-1 - PAGE)]).toEqual([5, 4]);
  });

  test('an image of something else, or one that contradicts itself, is refused', async () => {
    const target = new CoreTarget(new MemoryCore());
    await target.allocate(regionsOf(state));
    const other = { kind: 'workload/counter@1', bytes: new Uint8Array(0) };
    await expect(target.writeState(other)).rejects.toMatchObject({ code: 'CORE_NOT_A_PROCESS' });
    await expect(target.writeState({ ...stateOf(state), kind: 'process@9' })).rejects.toMatchObject({
      code: 'PROCESS_STATE_VERSION',
    });
    await expect(
      target.writePages(0, [{ firstPage: 0, pageCount: 1, kind: 'data' }], page(1)),
    ).rejects.toMatchObject({
      code: 'CORE_REGIONS_DIFFER',
    });
    await expect(target.commit()).rejects.toMatchObject({ code: 'CORE_NOT_A_PROCESS' });
    for (const change of [{ sizeBytes: 2 * PAGE }, { pageSize: 2 * PAGE }]) {
      // oxlint-disable-next-line no-await-in-loop -- one target
      await target.allocate(
        regionsOf(state).map((region) => Object.assign(region, region.id === 0 ? change : {})),
      );
      // oxlint-disable-next-line no-await-in-loop -- one target
      await expect(target.writeState(stateOf(state))).rejects.toMatchObject({ code: 'CORE_REGIONS_DIFFER' });
    }
    await target.allocate(regionsOf(state).slice(1));
    await expect(target.writeState(stateOf(state))).rejects.toMatchObject({ code: 'CORE_REGIONS_DIFFER' });
  });

  test('discard drops the file', async () => {
    const file = new MemoryCore();
    await new CoreTarget(file).discard();
    expect(file.fate).toBe('discarded');
  });
});
