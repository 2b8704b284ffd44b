import { ftruncateSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeFd, memfdCreate, mmap, pageSize, Userfaultfd } from '../src/index.ts';
import { Hand } from './hand.ts';
import { lacksUffd, next, sleepers } from './kernel.ts';

describe('minor faults', () => {
  let fd: number;
  let hand: Hand;
  let uffd: Userfaultfd;
  beforeEach(async () => {
    fd = memfdCreate('minor');
    ftruncateSync(fd, 2 * pageSize);
    hand = await Hand.with(2 * pageSize, mmap({ sizeBytes: 2 * pageSize, flags: ['SHARED'], fd }));
    uffd = Userfaultfd.open({ features: ['MINOR_SHMEM'] });
  });
  afterEach(async () => {
    uffd.close();
    closeFd(fd);
    await hand.end();
  });

  test.skipIf(lacksUffd('MINOR_SHMEM'))('a page that the file already has is mapped by continue', () => {
    expect(uffd.register(hand, ['MINOR'])).toContain('CONTINUE');
    writeSync(fd, new Uint8Array(pageSize).fill(31));
    hand.start('read', 0);
    expect(next(uffd, 'pagefault')).toMatchObject({ address: hand.address, reason: 'minor', write: false });
    expect(uffd.continue(hand.page(0), { dontWake: true })).toBe(pageSize);
    expect(sleepers(uffd, 'total')).toBe(1);
    uffd.wake(hand.page(0));
    expect(hand.finish()).toBe(31);
  });

  test.skipIf(lacksUffd('MINOR_SHMEM'))(
    'continue refuses a page that the file lacks, or that is mapped',
    () => {
      uffd.register(hand, ['MINOR']);
      expect(() => uffd.continue(hand.page(1))).toThrow(
        expect.objectContaining({ code: 'UFFD_EFAULT', hint: expect.stringContaining('page cache') }),
      );
      writeSync(fd, new Uint8Array(pageSize));
      uffd.continue(hand.page(0));
      expect(() => uffd.continue(hand.page(0))).toThrow(expect.objectContaining({ code: 'UFFD_EEXIST' }));
    },
  );

  test.skipIf(lacksUffd('MINOR_SHMEM', 'WP_UNPOPULATED'))('continue can map a page armed', () => {
    uffd.register(hand, ['MINOR', 'WP']);
    writeSync(fd, new Uint8Array(pageSize));
    uffd.continue(hand.page(0), { writeProtect: true });
    hand.start('write', 0, 2);
    expect(next(uffd, 'pagefault')).toMatchObject({ reason: 'wp' });
    uffd.writeUnprotect(hand.page(0));
    hand.finish();
  });
});
