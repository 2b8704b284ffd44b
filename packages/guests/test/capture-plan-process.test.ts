import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AddressSpace } from '../src/process/address-space.ts';
import type { PlannerOptions } from '../src/process/capture-plan.ts';
import { FileSystems } from '../src/process/file-system.ts';
import { MemoryFiles } from '../src/process/memory-files.ts';
import { populatedScan } from '../src/process/populated.ts';
import { ProcDirectory } from '../src/process/proc-directory.ts';
import { SharedData } from '../src/process/shared-data.ts';
import { planner } from './planner.ts';
import { PAGE } from './sample-mapping.ts';
import { type Made, type Target, TargetProgram } from './target.ts';

/** Pages of what the target made that are in the list, counted from its beginning. */
const within = ({ address, sizeBytes }: Made, ranges: readonly { start: bigint; end: bigint }[]) => {
  const numbers: number[] = [];
  for (const { start, end } of ranges) {
    for (let at = start; at < end; at += BigInt(PAGE)) {
      if (at >= address && at < address + BigInt(sizeBytes)) numbers.push(Number(at - address) / PAGE);
    }
  }
  return numbers;
};

describe('the plan for a real process', () => {
  let program: TargetProgram;
  let zoo: Target;
  let files: MemoryFiles;
  let data: SharedData;
  let space: AddressSpace;
  const folder = mkdtempSync(path.join(import.meta.dirname, '../node_modules/.zoo-'));

  beforeAll(async () => {
    program = new TargetProgram();
    zoo = await program.start('zoo', folder);
    const proc = new ProcDirectory(zoo.pid);
    files = new MemoryFiles(proc);
    data = new SharedData(proc.path);
    const systems = new FileSystems(proc.path);
    space = new AddressSpace({
      basePageSize: PAGE,
      hugePageSize: 512 * PAGE,
      fileSystemOf: (line) => systems.of(line),
    });
    space.update(files.maps(), files.smaps());
  });
  afterAll(async () => {
    data.close();
    files.close();
    await program[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const planFor = (change: Partial<PlannerOptions> = {}) =>
    planner([], {
      copyMaxBytes: 2 ** 30,
      isElf: () => false,
      scan: populatedScan(files.pagemapFd),
      sharedData: (mapping) => data.of(mapping),
      ...change,
    }).plan(space.mappings);

  const pageOf = (name: string) => zoo.made(name).address & ~0xfffn;
  const wholeOf = (name: string): Made => ({
    address: pageOf(name),
    sizeBytes: zoo.made(name).sizeBytes + PAGE,
  });

  test('touched pages of anonymous memory, also where it is closed now', () => {
    const { armed } = planFor();
    expect(within(zoo.made('anonymous'), armed).slice(0, 3)).toEqual([0, 1, 2]);
    expect(within(zoo.made('closed'), armed)).toEqual([0, 1, 2, 3]);
    expect(within(zoo.made('dontdump'), armed)).toEqual([]);
    expect(within(zoo.made('dontdump'), planFor({ includeDontDump: true }).armed)).toEqual([0, 1, 2, 3]);
  });

  test('three pages of a terabyte', () => {
    const half = 2 ** 39 / PAGE;
    expect(within(zoo.made('sparse'), planFor().armed)).toEqual([half, half + 1, 2 * half - 1]);
  });

  test('shared memory as its file has it, also pages that the process has not mapped in', () => {
    const { armed, copied } = planFor();
    expect(within(zoo.made('shared'), armed)).toContain(1);
    expect(within(zoo.made('memfd'), armed)).toEqual([0, 1, 32]);
    expect(within(zoo.made('sysv'), copied)).toEqual([0, 1, 2, 3]);
    expect(within(zoo.made('alias-one'), copied)).toEqual([0, 1, 2, 3]);
    expect(within(zoo.made('alias-other'), copied)).toEqual([0, 1]);
    expect(within(zoo.made('memfd'), planFor({ filter: ['anonymous'] }).armed)).toEqual([]);
  });

  test('files as the filter says', () => {
    const { copied } = planFor();
    expect(within(zoo.made('private-file'), copied)).toEqual([0, 1, 2, 3]);
    expect(within(zoo.made('large-file'), copied)).toEqual([100, 900]);
    expect(within(zoo.made('deleted-file'), copied)).toEqual([0, 1, 2, 3]);
    expect(within(zoo.made('shared-file'), copied)).toEqual([]);
    expect(within(zoo.made('shared-file'), planFor({ filter: ['shared-file'] }).copied)).toEqual([
      0, 1, 2, 3,
    ]);
    expect(within(wholeOf('data'), copied)).not.toEqual([]);
  });
});
