import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AddressSpace } from '../src/process/address-space.ts';
import { FileSystems } from '../src/process/file-system.ts';
import { type Mapping, VM_FLAGS } from '../src/process/mapping.ts';
import { parseMapsLine, PERM_EXEC, PERM_READ, PERM_WRITE } from '../src/process/maps-line.ts';
import { MemoryFiles } from '../src/process/memory-files.ts';
import { ProcDirectory } from '../src/process/proc-directory.ts';
import { type Target, TargetProgram } from './target.ts';

const PAGE = 4096;
const HUGE_PAGE = 2 * 1024 * 1024;

function emptySpace(fileSystem: 'shmem' | 'hugetlbfs' | 'other' = 'other'): AddressSpace {
  return new AddressSpace({ basePageSize: PAGE, hugePageSize: HUGE_PAGE, fileSystemOf: () => fileSystem });
}

describe('lines of maps', () => {
  test('with a path', () => {
    expect(
      parseMapsLine('7f00-80ff r-xp 00003000 fe:0a 1234567890123                   /a b\\012c (deleted)'),
    ).toEqual({
      start: 0x7f00n,
      end: 0x80ffn,
      perms: PERM_READ | PERM_EXEC,
      offset: 0x3000n,
      devMajor: 0xfe,
      devMinor: 10,
      inode: 1234567890123n,
      path: '/a b\nc (deleted)',
    });
  });

  test('without, at the end of the address space', () => {
    const line = parseMapsLine('ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 ');
    expect(line).toMatchObject({ end: 0xffff_ffff_ff60_1000n, perms: PERM_EXEC, path: '' });
  });

  test('what is none', () => {
    expect(parseMapsLine('')).toBeUndefined();
    expect(() => emptySpace().update('nonsense\n')).toThrow(
      expect.objectContaining({ code: 'PROCESS_READ_FAILED' }),
    );
  });
});

describe('kinds that need no process', () => {
  test.for([
    ['[vdso]', 'r-xp', 0, 'vdso'],
    ['[vvar_vclock]', 'r--p', 0, 'vvar'],
    ['[uprobes]', '--xp', 0, 'device'],
    ['[anon:glibc: malloc]', 'rw-p', 0, 'anonymous'],
    ['[anon_shmem:mine]', 'rw-s', 5, 'shared-memory'],
    ['/dev/zero', 'rw-p', 5, 'anonymous'],
    ['/dev/zero (deleted)', 'rw-s', 5, 'shared-memory'],
    ['/SYSV00000000 (deleted)', 'rw-s', 5, 'shared-file'],
    ['/memfd:x (deleted)', 'rw-s', 5, 'shared-memory'],
    ['/memfd:x (deleted)', 'rw-p', 5, 'private-file'],
    ['/dev/shm/x', 'rw-s', 5, 'shared-file'],
    ['anon_inode:[io_uring]', 'rw-s', 5, 'device'],
    ['/[aio] (deleted)', 'rw-s', 5, 'device'],
    ['/lib/x.so', 'r--p', 5, 'private-file'],
  ] as const)('%s %s', ([name, perms, inode, kind]) => {
    const [mapping] = emptySpace().update(`1000-2000 ${perms} 00000000 00:01 ${inode} ${name}\n`);
    expect(mapping?.kind).toBe(kind);
  });

  test('by their file system', () => {
    const line = '1000-2000 rw-s 00000000 00:30 5 /somewhere/x\n';
    expect(emptySpace('shmem').update(line)[0]?.kind).toBe('shared-memory');
    expect(emptySpace('hugetlbfs').update(line)[0]).toMatchObject({ kind: 'hugetlb', pageSize: HUGE_PAGE });
  });
});

const smaps = (line: string, flags: string) =>
  `${line}\nSize:  8 kB\nKernelPageSize:        4 kB\nVmFlags: ${flags} \n`;

describe('lines that are new at the cut', () => {
  const heap = '1000-3000 rw-p 00000000 00:00 0 [heap]';

  test('are known by what was there before', () => {
    const space = emptySpace();
    const [before] = space.update(`${heap}\n`, smaps(heap, 'rd wr mr mw me dd'));
    expect(before?.flags).toBe(VM_FLAGS.mw | VM_FLAGS.dd);
    const [grown] = space.update('1000-9000 rw-p 00000000 00:00 0 [heap]\n');
    expect(grown).toMatchObject({ end: 0x9000n, flags: VM_FLAGS.mw | VM_FLAGS.dd });
  });

  test('are taken for ordinary ones otherwise', () => {
    const space = emptySpace();
    space.update(`${heap}\n`, smaps(heap, 'rd wr mr mw me dd'));
    const [, other] = space.update(`${heap}\n3000-4000 rw-p 00000000 00:00 0 \n`);
    expect(other?.flags).toBe(VM_FLAGS.mw | VM_FLAGS.unknown);
    const [replaced] = space.update('1000-3000 rw-p 00000000 fe:00 7 /file\n');
    expect(replaced?.flags).toBe(VM_FLAGS.mw | VM_FLAGS.unknown);
  });

  test('and only they are parsed', () => {
    const space = emptySpace();
    const [before] = space.update(`${heap}\n`, smaps(heap, 'rd wr mr mw me'));
    expect(space.update(`${heap}\n3000-4000 rw-p 00000000 00:00 0 \n`)[0]).toBe(before);
    expect(space.update(`${heap}\n`)[0]).toBe(before);
  });
});

describe('a real process', () => {
  let program: TargetProgram;
  let zoo: Target;
  let files: MemoryFiles;
  let mappings: readonly Mapping[];
  const folder = mkdtempSync(path.join(import.meta.dirname, '../node_modules/.zoo-'));

  beforeAll(async () => {
    program = new TargetProgram();
    zoo = await program.start('zoo', folder);
    const proc = new ProcDirectory(zoo.pid);
    files = new MemoryFiles(proc);
    const systems = new FileSystems(proc.path);
    const space = new AddressSpace({
      basePageSize: PAGE,
      hugePageSize: HUGE_PAGE,
      fileSystemOf: (line) => systems.of(line),
    });
    mappings = space.update(files.maps(), files.smaps());
  });
  afterAll(async () => {
    files.close();
    await program[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const at = (name: string): Mapping => {
    const { address } = zoo.made(name);
    const found = mappings.find(({ start, end }) => start <= address && address < end);
    if (found === undefined) throw new Error(`${name} is not mapped`);
    return found;
  };

  test.for([
    ['anonymous', 'anonymous'],
    ['sparse', 'anonymous'],
    ['closed', 'anonymous'],
    ['shared', 'shared-memory'],
    ['memfd', 'shared-memory'],
    ['sysv', 'shared-file'],
    ['shared-file', 'shared-file'],
    ['deleted-file', 'shared-file'],
    ['private-file', 'private-file'],
    ['data', 'private-file'],
  ] as const)('%s is %s', ([name, kind]) => {
    expect(at(name).kind).toBe(kind);
  });

  test('has one heap, one stack, one vdso', () => {
    for (const kind of ['heap', 'stack', 'vdso']) {
      expect(mappings.filter((mapping) => mapping.kind === kind)).toHaveLength(1);
    }
  });

  test('flags say what may not be dumped', () => {
    expect(at('dontdump').flags & VM_FLAGS.dd).not.toBe(0);
    expect(at('anonymous').flags & VM_FLAGS.dd).toBe(0);
  });

  test('permissions', () => {
    expect(at('anonymous').perms).toBe(PERM_READ | PERM_WRITE);
    expect(at('closed').perms).toBe(0);
  });

  test('memory is read, also where the process itself may not', () => {
    const into = new Uint8Array(6);
    expect(files.read(zoo.made('closed').address + BigInt(PAGE), into)).toBe(6);
    expect(Buffer.from(into).toString()).toBe('page 1');
  });

  test('what is not there reads as zeros', () => {
    const into = new Uint8Array(2 * PAGE).fill(1);
    expect(files.read(0n, into)).toBe(0);
    expect(into.every((byte) => byte === 0)).toBe(true);
  });
});
