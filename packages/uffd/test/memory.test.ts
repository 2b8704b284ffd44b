import { ftruncateSync, readFileSync, readSync, writeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  addSeals,
  closeFd,
  getSeals,
  HUGE_PAGE_2MIB,
  madvise,
  MEMFD_NAME_MAX_BYTES,
  type MemoryRange,
  memfdCreate,
  mlock,
  mmap,
  mprotect,
  mremap,
  munlock,
  munmap,
  openPagemap,
  pageSize,
  processVmReadv,
  UffdError,
} from '../src/index.ts';
import { withHugePages } from './huge-pages.ts';
import { lacks, skip } from './kernel.ts';

/** Private memory between two inaccessible pages, so that the kernel does not join it with a neighbour in what it reports. */
function anonymous(pages: number): { address: bigint; sizeBytes: number } {
  const flags = ['PRIVATE', 'ANONYMOUS'] as const;
  const outer = mmap({ sizeBytes: (pages + 2) * pageSize, flags, protection: [] });
  const range = { address: outer + BigInt(pageSize), sizeBytes: pages * pageSize };
  mprotect(range, ['READ', 'WRITE']);
  return range;
}

/** The kernel's description of the mapping that starts at an address, from /proc/self/smaps; null when there is none. */
function smaps(address: bigint): { permissions: string; field(name: string): string } | null {
  const start = address.toString(16).padStart(8, '0');
  const text = readFileSync('/proc/self/smaps', 'utf8');
  const block = new RegExp(`^${start}-[0-9a-f]+ (\\S+) .*\\n((?:[A-Z]\\w+:.*\\n?)*)`, 'm').exec(text);
  if (block === null) return null;
  const [, permissions = '', fields = ''] = block;
  return {
    permissions,
    field: (name) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(fields)?.[1] ?? '',
  };
}

/** Whether a page is mapped: bit 63 of its word in /proc/self/pagemap. */
function present(address: bigint): boolean {
  const word = Buffer.alloc(8);
  const pagemap = openPagemap();
  readSync(pagemap, word, 0, 8, (address / BigInt(pageSize)) * 8n);
  closeFd(pagemap);
  return word.readBigUInt64LE() >> 63n === 1n;
}

const kib = (pages: number): string => `${(pages * pageSize) / 1024} kB`;

describe('mapping', () => {
  test('munmap ends what mmap began', () => {
    const range = anonymous(2);
    expect(smaps(range.address)).not.toBeNull();
    munmap(range);
    const read = () => processVmReadv(process.pid, new Uint8Array(1), [{ ...range, sizeBytes: 1 }]);
    expect(read).toThrow(expect.objectContaining({ code: 'UFFD_EFAULT' }));
  });

  test('a shared file mapping shows the file, from its offset', () => {
    const fd = memfdCreate('shown');
    ftruncateSync(fd, 2 * pageSize);
    writeSync(fd, 'second page', pageSize);
    const address = mmap({
      sizeBytes: pageSize,
      flags: ['SHARED'],
      fd,
      offsetBytes: pageSize,
      protection: ['READ'],
    });
    expect(smaps(address)?.permissions).toBe('r--s');
    const bytes = Buffer.alloc(11);
    processVmReadv(process.pid, bytes, [{ address, sizeBytes: 11 }]);
    expect(bytes.toString()).toBe('second page');
    munmap({ address, sizeBytes: pageSize });
    closeFd(fd);
  });

  test('FIXED_NOREPLACE refuses an occupied place', () => {
    const range = anonymous(1);
    const again = {
      sizeBytes: pageSize,
      address: range.address,
      flags: ['PRIVATE', 'ANONYMOUS', 'FIXED_NOREPLACE'],
    } as const;
    expect(() => mmap(again)).toThrow(expect.objectContaining({ code: 'UFFD_EEXIST' }));
    munmap(range);
    expect(mmap(again)).toBe(range.address);
    munmap(range);
  });

  test('mprotect changes what may be done', () => {
    const range = anonymous(1);
    mprotect(range, ['READ']);
    expect(smaps(range.address)?.permissions).toBe('r--p');
    mprotect(range, []);
    expect(() => processVmReadv(process.pid, new Uint8Array(pageSize), [range])).toThrow(UffdError);
    munmap(range);
    expect(() => mprotect(range, ['READ'])).toThrow(expect.objectContaining({ code: 'UFFD_ENOMEM' }));
  });

  test('mremap moves contents, and keepOld leaves an empty range behind', () => {
    const range = anonymous(1);
    madvise(range, 'POPULATE_WRITE');
    const to = anonymous(1).address;
    expect(mremap(range, pageSize, { to })).toBe(to);
    expect(smaps(range.address)?.field('Rss') ?? 'gone').toBe('gone');
    expect(smaps(to)?.field('Rss')).toBe(kib(1));

    const moved = mremap({ address: to, sizeBytes: pageSize }, pageSize, { keepOld: true });
    expect(smaps(moved)?.field('Rss')).toBe(kib(1));
    expect(smaps(to)?.field('Rss')).toBe('0 kB');
    munmap({ address: moved, sizeBytes: pageSize });
    munmap({ address: to, sizeBytes: pageSize });
    expect(() => mremap(range, pageSize, { mayMove: true })).toThrow(
      expect.objectContaining({ code: 'UFFD_EFAULT' }),
    );
  });

  test('huge pages come by size', async (context) => {
    await withHugePages(context, 1, () => {
      const sizeBytes = HUGE_PAGE_2MIB;
      const address = mmap({
        sizeBytes,
        flags: ['PRIVATE', 'ANONYMOUS', 'HUGETLB'],
        hugePageSize: sizeBytes,
      });
      expect(smaps(address)?.field('KernelPageSize')).toBe('2048 kB');
      munmap({ address, sizeBytes });
    });
  });

  test('too much memory is refused with the number that was asked for', () => {
    expect(() => mmap({ sizeBytes: 2n ** 56n, flags: ['PRIVATE', 'ANONYMOUS'] })).toThrow(
      expect.objectContaining({
        code: 'UFFD_ENOMEM',
        operands: expect.objectContaining({ sizeBytes: 2n ** 56n }),
      }),
    );
  });
});

const rss = (range: MemoryRange): string => smaps(range.address)?.field('Rss') ?? 'gone';

describe('advice', () => {
  test('POPULATE_WRITE brings pages, DONTNEED takes them', () => {
    const range = anonymous(4);
    expect(rss(range)).toBe('0 kB');
    madvise(range, 'POPULATE_WRITE');
    expect(rss(range)).toBe(kib(4));
    madvise({ address: range.address, sizeBytes: pageSize }, 'DONTNEED');
    expect(rss(range)).toBe(kib(3));
    munmap(range);
  });

  test('POPULATE_READ maps pages without spending memory', () => {
    const range = anonymous(2);
    expect(present(range.address)).toBe(false);
    madvise(range, 'POPULATE_READ');
    expect(present(range.address)).toBe(true);
    expect(rss(range)).toBe('0 kB');
    munmap(range);
  });

  test('REMOVE punches a hole into the file', () => {
    const fd = memfdCreate('holed');
    ftruncateSync(fd, pageSize);
    writeSync(fd, 'x');
    const address = mmap({ sizeBytes: pageSize, flags: ['SHARED'], fd });
    madvise({ address, sizeBytes: pageSize }, 'REMOVE');
    const byte = new Uint8Array([9]);
    processVmReadv(process.pid, byte, [{ address, sizeBytes: 1 }]);
    expect(byte[0]).toBe(0);
    munmap({ address, sizeBytes: pageSize });
    closeFd(fd);
  });

  // Flags of the mapping, as proc_pid_smaps(5) abbreviates them.
  test.each([
    ['DONTFORK', 'dc'],
    ['DONTDUMP', 'dd'],
    ['WIPEONFORK', 'wf'],
    ['SEQUENTIAL', 'sr'],
    ['RANDOM', 'rr'],
    ['HUGEPAGE', 'hg'],
    ['NOHUGEPAGE', 'nh'],
    ['MERGEABLE', 'mg'],
  ] as const)('%s marks the mapping %s', (advice, flag) => {
    const range = anonymous(1);
    const flags = (): string[] => smaps(range.address)?.field('VmFlags').split(' ') ?? [];
    expect(flags()).not.toContain(flag);
    madvise(range, advice);
    expect(flags()).toContain(flag);
    munmap(range);
  });

  test.each([
    ['SEQUENTIAL', 'NORMAL', 'sr'],
    ['DONTFORK', 'DOFORK', 'dc'],
    ['DONTDUMP', 'DODUMP', 'dd'],
    ['WIPEONFORK', 'KEEPONFORK', 'wf'],
    ['MERGEABLE', 'UNMERGEABLE', 'mg'],
  ] as const)('%s is taken back by %s', (advice, opposite, flag) => {
    const range = anonymous(1);
    const flags = (): string[] => smaps(range.address)?.field('VmFlags').split(' ') ?? [];
    madvise(range, advice);
    madvise(range, opposite);
    expect(flags()).not.toContain(flag);
    munmap(range);
  });

  test('FREE lets pages go when memory is short', () => {
    // The kernel marks pages in batches of some dozens, so not all show at once.
    const range = anonymous(256);
    madvise(range, 'POPULATE_WRITE');
    expect(smaps(range.address)?.field('LazyFree')).toBe('0 kB');
    madvise(range, 'FREE');
    expect(smaps(range.address)?.field('LazyFree')).not.toBe('0 kB');
    munmap(range);
  });

  test.each(['WILLNEED', 'COLD', 'PAGEOUT'] as const)('%s leaves contents as they are', (advice) => {
    const range = anonymous(1);
    madvise(range, 'POPULATE_WRITE');
    madvise(range, advice);
    expect(processVmReadv(process.pid, new Uint8Array(pageSize), [range])).toBe(pageSize);
    munmap(range);
  });

  test('GUARD_INSTALL makes pages inaccessible, GUARD_REMOVE undoes it', (context) => {
    const range = anonymous(1);
    const read = () => processVmReadv(process.pid, new Uint8Array(1), [{ ...range, sizeBytes: 1 }]);
    try {
      madvise(range, 'GUARD_INSTALL');
    } catch (error) {
      if (!(error instanceof UffdError && error.code === 'UFFD_EINVAL')) throw error;
      skip(context, 'the kernel has no guard pages (Linux 6.13)');
    }
    expect(read).toThrow(expect.objectContaining({ code: 'UFFD_EFAULT' }));
    madvise(range, 'GUARD_REMOVE');
    expect(read()).toBe(1);
    munmap(range);
  });

  test('COLLAPSE makes a huge page of small ones', (context) => {
    const huge = BigInt(HUGE_PAGE_2MIB);
    const outer = anonymous((2 * HUGE_PAGE_2MIB) / pageSize);
    const range = { address: ((outer.address + huge - 1n) / huge) * huge, sizeBytes: HUGE_PAGE_2MIB };
    madvise(outer, 'NOHUGEPAGE');
    madvise(outer, 'POPULATE_WRITE');
    expect(smaps(outer.address)?.field('AnonHugePages')).toBe('0 kB');
    madvise(outer, 'HUGEPAGE');
    try {
      madvise(range, 'COLLAPSE');
    } catch (error) {
      munmap(outer);
      if (!(error instanceof UffdError)) throw error;
      skip(context, error.message);
    }
    expect(smaps(outer.address)?.field('AnonHugePages')).toBe('2048 kB');
    munmap(outer);
  });

  test('advice of another spelling is refused', () => {
    const range = anonymous(1);
    // @ts-expect-error not an advice
    expect(() => madvise(range, 'dontneed')).toThrow(TypeError);
    munmap(range);
  });

  test('mlock keeps pages, on fault only those that are touched', () => {
    const range = anonymous(4);
    mlock(range, { onFault: true });
    expect(smaps(range.address)?.field('Locked')).toBe('0 kB');
    munlock(range);
    mlock(range);
    expect(smaps(range.address)?.field('Rss')).toBe(kib(4));
    expect(smaps(range.address)?.field('Locked')).toBe(kib(4));
    expect(() => madvise(range, 'DONTNEED')).toThrow(expect.objectContaining({ code: 'UFFD_EINVAL' }));
    madvise(range, 'DONTNEED_LOCKED');
    expect(smaps(range.address)?.field('VmFlags').split(' ')).toContain('lo');
    munlock(range);
    expect(smaps(range.address)?.field('VmFlags').split(' ')).not.toContain('lo');
    munmap(range);
  });
});

function closesOnExec(fd: number): boolean {
  const octal = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  return (Number.parseInt(octal, 8) & 0o2000000) !== 0;
}

describe('memfd', () => {
  test('the name is bounded as the kernel bounds it', () => {
    closeFd(memfdCreate('n'.repeat(MEMFD_NAME_MAX_BYTES - 1)));
    closeFd(memfdCreate('n'.repeat(MEMFD_NAME_MAX_BYTES)));
    expect(() => memfdCreate('n'.repeat(MEMFD_NAME_MAX_BYTES + 1))).toThrow(RangeError);
    // Bytes count, not characters.
    expect(() => memfdCreate('é'.repeat(MEMFD_NAME_MAX_BYTES / 2 + 1))).toThrow(RangeError);
    expect(() => memfdCreate('a\0b')).toThrow(TypeError);
  });

  test('seals hold, and only where sealing was allowed', () => {
    const fd = memfdCreate('sealed', { allowSealing: true });
    ftruncateSync(fd, pageSize);
    expect(getSeals(fd)).toEqual([]);
    addSeals(fd, ['SHRINK', 'GROW']);
    expect(getSeals(fd)).toEqual(['SHRINK', 'GROW']);
    expect(() => ftruncateSync(fd, 0)).toThrow(expect.objectContaining({ code: 'EPERM' }));
    addSeals(fd, ['SEAL']);
    expect(() => addSeals(fd, ['WRITE'])).toThrow(expect.objectContaining({ code: 'UFFD_EPERM' }));
    closeFd(fd);

    const open = memfdCreate('open');
    expect(getSeals(open)).toEqual(['SEAL']);
    closeFd(open);
  });

  test('a writable mapping forbids WRITE, not FUTURE_WRITE', () => {
    const fd = memfdCreate('mapped', { allowSealing: true });
    ftruncateSync(fd, pageSize);
    const address = mmap({ sizeBytes: pageSize, flags: ['SHARED'], fd });
    expect(() => addSeals(fd, ['WRITE'])).toThrow(
      expect.objectContaining({ code: 'UFFD_EBUSY', hint: expect.stringContaining('FUTURE_WRITE') }),
    );
    addSeals(fd, ['FUTURE_WRITE']);
    expect(() => writeSync(fd, 'x')).toThrow(expect.objectContaining({ code: 'EPERM' }));
    munmap({ address, sizeBytes: pageSize });
    closeFd(fd);
  });

  test('closeOnExec is as asked', () => {
    const [closed, kept] = [memfdCreate('closed'), memfdCreate('kept', { closeOnExec: false })];
    expect([closesOnExec(closed), closesOnExec(kept)]).toEqual([true, false]);
    closeFd(closed);
    closeFd(kept);
  });

  test('a file of huge pages', async (context) => {
    await withHugePages(context, 1, () => {
      const fd = memfdCreate('huge', { hugePageSize: HUGE_PAGE_2MIB });
      ftruncateSync(fd, HUGE_PAGE_2MIB);
      const address = mmap({ sizeBytes: HUGE_PAGE_2MIB, flags: ['SHARED'], fd });
      expect(smaps(address)?.field('KernelPageSize')).toBe('2048 kB');
      munmap({ address, sizeBytes: HUGE_PAGE_2MIB });
      closeFd(fd);
    });
  });

  test('a huge page size that no machine has is refused', () => {
    expect(() => memfdCreate('odd', { hugePageSize: 3 * 2 ** 20 })).toThrow(RangeError);
    expect(() => memfdCreate('odd', { hugePageSize: 2 ** 15 })).toThrow(RangeError);
    expect(() => memfdCreate('odd', { hugePageSize: 2 ** 35 })).toThrow(RangeError);
  });

  test.skipIf(lacks(process.arch === 'x64', 'needs x86_64', false))(
    'a huge page size of another machine is refused by the kernel',
    () => {
      // 32 MiB is arm64's.
      const hugePageSize = 2 ** 25;
      expect(() => memfdCreate('odd', { hugePageSize })).toThrow(
        expect.objectContaining({ code: 'UFFD_ENODEV' }),
      );
      const flags = ['PRIVATE', 'ANONYMOUS', 'HUGETLB'] as const;
      expect(() => mmap({ sizeBytes: hugePageSize, flags, hugePageSize })).toThrow(
        expect.objectContaining({ code: 'UFFD_EINVAL' }),
      );
    },
  );
});
