import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  closeFd,
  HUGE_PAGE_2MIB,
  madvise,
  memfdCreate,
  mmap,
  mprotect,
  pageSize,
  Userfaultfd,
} from '../src/index.ts';
import { Hand } from './hand.ts';
import { withHugePages } from './huge-pages.ts';
import { lacks, lacksUffd, machine, next, sleepers } from './kernel.ts';
import { Stage } from './stage.ts';

describe('write protection', () => {
  let hand: Hand;
  let uffd: Userfaultfd;
  beforeEach(async () => {
    hand = await Hand.with();
    uffd = Userfaultfd.open({ features: ['PAGEFAULT_FLAG_WP'] });
  });
  afterEach(async () => {
    uffd.close();
    await hand.end();
  });

  test.skipIf(lacksUffd('PAGEFAULT_FLAG_WP'))(
    'a write waits until its page is disarmed; reads and other pages do not',
    () => {
      madvise(hand, 'POPULATE_WRITE');
      expect(uffd.register(hand, ['WP'])).toContain('WRITEPROTECT');
      uffd.writeProtect(hand.page(1));
      hand.do('write', 0, 1);
      expect(hand.do('read', pageSize)).toBe(0);
      hand.start('write', pageSize + 9, 6);
      expect(next(uffd, 'pagefault')).toMatchObject({
        address: hand.at(1),
        reason: 'wp',
        write: true,
        threadId: null,
      });
      expect(hand.busy).toBe(true);
      uffd.writeUnprotect(hand.page(1), { dontWake: true });
      expect(sleepers(uffd, 'total')).toBe(1);
      uffd.wake(hand.page(1));
      hand.finish();
      expect(hand.do('read', pageSize + 9)).toBe(6);
    },
  );

  test.skipIf(lacksUffd('PAGEFAULT_FLAG_WP'))('protection survives mprotect to read-only and back', () => {
    madvise(hand, 'POPULATE_WRITE');
    uffd.register(hand, ['WP']);
    uffd.writeProtect(hand);
    mprotect(hand, ['READ']);
    mprotect(hand, ['READ', 'WRITE']);
    hand.start('write', 0, 1);
    expect(next(uffd, 'pagefault').reason).toBe('wp');
  });

  test.skipIf(lacksUffd('PAGEFAULT_FLAG_WP'))(
    'never-touched anonymous memory slips through without WP_UNPOPULATED',
    () => {
      uffd.register(hand, ['WP']);
      uffd.writeProtect(hand);
      hand.do('write', 0, 1);
      expect(uffd.readEvents()).toEqual([]);
    },
  );

  test.skipIf(lacksUffd('WP_UNPOPULATED'))('and does not with it', () => {
    uffd.close();
    uffd = Userfaultfd.open({ features: ['WP_UNPOPULATED'] });
    uffd.register(hand, ['WP']);
    uffd.writeProtect(hand);
    hand.start('write', 2 * pageSize, 1);
    expect(next(uffd, 'pagefault').address).toBe(hand.at(2));
  });

  test.skipIf(lacksUffd('EXACT_ADDRESS'))('EXACT_ADDRESS tells the byte', () => {
    uffd.close();
    uffd = Userfaultfd.open({ features: ['EXACT_ADDRESS'] });
    uffd.register(hand, ['MISSING']);
    hand.start('read', 123);
    expect(next(uffd, 'pagefault').address).toBe(hand.address + 123n);
  });

  test.skipIf(lacksUffd('WP_HUGETLBFS_SHMEM'))('shared memory can be armed', async () => {
    const fd = memfdCreate('armed');
    ftruncateSync(fd, pageSize);
    const shared = await Hand.with(pageSize, mmap({ sizeBytes: pageSize, flags: ['SHARED'], fd }));
    closeFd(fd);
    uffd.register(shared, ['WP']);
    uffd.writeProtect(shared);
    shared.start('write', 0, 3);
    expect(next(uffd, 'pagefault').reason).toBe('wp');
    uffd.writeUnprotect(shared);
    shared.finish();
    await shared.end();
  });

  test.skipIf(lacksUffd('WP_HUGETLBFS_SHMEM'))('a huge page is armed as a whole', async (context) => {
    await withHugePages(context, 1, async () => {
      const address = mmap({
        sizeBytes: HUGE_PAGE_2MIB,
        flags: ['PRIVATE', 'ANONYMOUS', 'HUGETLB'],
        hugePageSize: HUGE_PAGE_2MIB,
      });
      const huge = await Hand.with(HUGE_PAGE_2MIB, address);
      try {
        madvise(huge, 'POPULATE_WRITE');
        uffd.register(huge, ['WP']);
        expect(() => uffd.writeProtect({ address, sizeBytes: pageSize })).toThrow(
          expect.objectContaining({ code: 'UFFD_EINVAL', hint: expect.stringContaining('pages') }),
        );
        uffd.writeProtect(huge);
        huge.start('write', HUGE_PAGE_2MIB - 1, 3);
        expect(next(uffd, 'pagefault').address).toBe(address);
        uffd.writeUnprotect(huge);
        huge.finish();
        expect(huge.do('read', HUGE_PAGE_2MIB - 1)).toBe(3);
      } finally {
        uffd.close();
        await huge.end();
      }
    });
  });

  test.skipIf(lacksUffd('PAGEFAULT_FLAG_WP'))(
    'a private mapping of a file is refused in synchronous mode',
    () => {
      const file = openSync(process.execPath, 'r');
      const address = mmap({ sizeBytes: pageSize, flags: ['PRIVATE'], fd: file });
      closeSync(file);
      expect(() => uffd.register({ address, sizeBytes: pageSize }, ['WP'])).toThrow(
        expect.objectContaining({ code: 'UFFD_EINVAL' }),
      );
      using async = Userfaultfd.open({ userModeOnly: true, features: ['WP_ASYNC'] });
      expect(async.register({ address, sizeBytes: pageSize }, ['WP'])).toContain('WRITEPROTECT');
    },
  );

  test.skipIf(lacksUffd('PAGEFAULT_FLAG_WP'))('a range has one userfaultfd', () => {
    uffd.register(hand, ['WP']);
    using second = Userfaultfd.open();
    expect(() => second.register(hand, ['WP'])).toThrow(
      expect.objectContaining({ code: 'UFFD_EBUSY', hint: expect.stringContaining('Another userfaultfd') }),
    );
    expect(() => second.unregister(hand)).toThrow(expect.objectContaining({ code: 'UFFD_EINVAL' }));
    uffd.close();
    expect(second.register(hand, ['WP'])).toContain('WRITEPROTECT');
  });
});

describe('user mode only', () => {
  const noUserMode = lacks(
    machine.open.userModeOnly.ok && machine.features.includes('PAGEFAULT_FLAG_WP'),
    'no write protection',
  );

  // In a child: if the kernel's write were reported instead, nobody would be there to resolve it.
  test.skipIf(noUserMode)('a write by the kernel into an armed page fails with EFAULT', () => {
    using stage = new Stage();
    const told = stage.run(`
      import { openSync, readSync } from 'node:fs';
      import { Mapping, pageSize, Userfaultfd } from '@stillframe/uffd';
      const uffd = Userfaultfd.open({ userModeOnly: true, features: ['PAGEFAULT_FLAG_WP'] });
      const mapping = new Mapping({ sizeBytes: pageSize });
      const bytes = new Uint8Array(mapping.buffer).fill(1);
      uffd.register(mapping, ['WP']);
      uffd.writeProtect(mapping);
      const file = openSync('/proc/self/stat', 'r');
      try { readSync(file, bytes); } catch (error) { console.log(error.code); }
      uffd.writeUnprotect(mapping);
      console.log(readSync(file, bytes) > 0);
    `);
    expect(told).toBe('EFAULT\ntrue\n');
  });
});
