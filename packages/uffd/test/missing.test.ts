import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Mapping, pageSize, processVmReadv, Userfaultfd } from '../src/index.ts';
import { Hand } from './hand.ts';
import { lacksUffd, next, sleepers, untilPending } from './kernel.ts';

const content = (pageCount: number, value: number) => new Uint8Array(pageCount * pageSize).fill(value);

describe('missing pages', () => {
  let hand: Hand;
  let uffd: Userfaultfd;
  beforeEach(async () => {
    hand = await Hand.with();
    uffd = Userfaultfd.open({ features: ['THREAD_ID'] });
  });
  afterEach(async () => {
    // First: a waiter that a failed test left behind is woken by it.
    uffd.close();
    await hand.end();
  });

  test.skipIf(lacksUffd())('a fault is served by copy', () => {
    expect(uffd.register(hand, ['MISSING'])).toEqual(expect.arrayContaining(['COPY', 'ZEROPAGE', 'WAKE']));
    hand.start('read', pageSize + 5);
    const event = next(uffd, 'pagefault');
    expect(event).toMatchObject({ address: hand.at(1), reason: 'missing', write: false });
    expect(event.threadId).toBeGreaterThan(0);
    expect(event.threadId).not.toBe(process.pid);
    expect(hand.busy).toBe(true);
    expect(uffd.copy(hand.at(1), content(1, 42))).toBe(pageSize);
    expect(hand.finish()).toBe(42);
  });

  test.skipIf(lacksUffd())('a write is told from a read, and a zero page takes it', () => {
    uffd.register(hand, ['MISSING']);
    hand.start('write', 0, 7);
    expect(next(uffd, 'pagefault')).toMatchObject({ address: hand.address, write: true });
    expect(uffd.zeropage(hand.page(0))).toBe(pageSize);
    hand.finish();
    const bytes = new Uint8Array(2);
    processVmReadv(process.pid, bytes, [{ address: hand.address, sizeBytes: 2 }]);
    expect([...bytes]).toEqual([7, 0]);
  });

  test.skipIf(lacksUffd())('dontWake leaves the waiter asleep until wake', () => {
    uffd.register(hand, ['MISSING']);
    hand.start('read', 0);
    next(uffd, 'pagefault');
    uffd.copy(hand.address, content(1, 9), { dontWake: true });
    expect(sleepers(uffd, 'total')).toBe(1);
    uffd.wake(hand.page(0));
    expect(hand.finish()).toBe(9);
  });

  test.skipIf(lacksUffd('POISON', 'MOVE'))('dontWake holds for every way to fill a page', () => {
    using source = new Mapping({ sizeBytes: pageSize });
    new Uint8Array(source.buffer)[0] = 1;
    uffd.register(hand, ['MISSING']);
    const fills = [
      () => uffd.zeropage(hand.page(0), { dontWake: true }),
      () => uffd.move(hand.at(1), source, { dontWake: true }),
      () => uffd.copy(hand.at(2), content(1, 1), { dontWake: true }),
    ];
    for (const [pageIndex, fill] of fills.entries()) {
      hand.start('read', pageIndex * pageSize);
      next(uffd, 'pagefault');
      fill();
      expect(sleepers(uffd, 'total')).toBe(1);
      uffd.wake(hand.page(pageIndex));
      expect(sleepers(uffd, 'total')).toBe(0);
      hand.finish();
    }
  });

  test.skipIf(lacksUffd())('wake without a page makes the thread fault again', () => {
    uffd.register(hand, ['MISSING']);
    hand.start('read', 0);
    next(uffd, 'pagefault');
    uffd.wake(hand.page(0));
    expect(next(uffd, 'pagefault').address).toBe(hand.address);
    uffd.zeropage(hand.page(0));
    expect(hand.finish()).toBe(0);
  });

  test.skipIf(lacksUffd())('a batch is filled by one copy, from memory that need not be aligned', () => {
    uffd.register(hand, ['MISSING']);
    const from = new Uint8Array(4 * pageSize + 3).fill(5).subarray(3);
    expect(uffd.copy(hand.address, from)).toBe(4 * pageSize);
    expect(hand.do('read', 4 * pageSize - 1)).toBe(5);
  });

  test.skipIf(lacksUffd())(
    'a copy that meets a present page returns the bytes before it, and then says why',
    () => {
      uffd.register(hand, ['MISSING']);
      uffd.zeropage(hand.page(2));
      expect(uffd.copy(hand.address, content(4, 1))).toBe(2 * pageSize);
      expect(() => uffd.copy(hand.at(2), content(2, 1))).toThrow(
        expect.objectContaining({ code: 'UFFD_EEXIST', syscall: 'ioctl(UFFDIO_COPY)' }),
      );
      expect(() => uffd.zeropage(hand.page(0))).toThrow(expect.objectContaining({ code: 'UFFD_EEXIST' }));
    },
  );

  test.skipIf(lacksUffd())('the source of a copy must be readable', () => {
    uffd.register(hand, ['MISSING']);
    expect(() => uffd.copy(hand.address, { address: 0n, sizeBytes: pageSize })).toThrow(
      expect.objectContaining({ code: 'UFFD_EFAULT' }),
    );
  });

  test.skipIf(lacksUffd('PAGEFAULT_FLAG_WP'))('a copy can map its page armed', () => {
    uffd.register(hand, ['MISSING', 'WP']);
    uffd.copy(hand.address, content(1, 3), { writeProtect: true });
    hand.start('write', 1, 8);
    expect(next(uffd, 'pagefault')).toMatchObject({ reason: 'wp', write: true });
    uffd.writeUnprotect(hand.page(0));
    hand.finish();
    expect([hand.do('read', 0), hand.do('read', 1)]).toEqual([3, 8]);
  });

  test.skipIf(lacksUffd('MOVE'))('move takes pages away from the source', () => {
    using source = new Mapping({ sizeBytes: 2 * pageSize });
    const bytes = new Uint8Array(source.buffer).fill(77);
    uffd.register(hand, ['MISSING']);
    hand.start('read', 0);
    next(uffd, 'pagefault');
    expect(uffd.move(hand.address, { address: source.address, sizeBytes: pageSize })).toBe(pageSize);
    expect(hand.finish()).toBe(77);
    expect([bytes[0], bytes[pageSize]]).toEqual([0, 77]);
  });

  test.skipIf(lacksUffd('MOVE'))('move stops at a hole in the source unless told to skip it', () => {
    using source = new Mapping({ sizeBytes: 2 * pageSize });
    new Uint8Array(source.buffer)[pageSize] = 4;
    uffd.register(hand, ['MISSING']);
    expect(() => uffd.move(hand.address, source)).toThrow(expect.objectContaining({ code: 'UFFD_ENOENT' }));
    expect(uffd.move(hand.address, source, { allowSourceHoles: true })).toBe(2 * pageSize);
    expect(hand.do('read', pageSize)).toBe(4);
  });

  test.skipIf(lacksUffd('POISON'))('a poisoned page cannot be read', () => {
    uffd.register(hand, ['MISSING']);
    expect(uffd.poison(hand.page(1))).toBe(pageSize);
    uffd.zeropage(hand.page(0));
    const into = new Uint8Array(2 * pageSize);
    expect(() => processVmReadv(process.pid, into, [hand.page(1)])).toThrow(
      expect.objectContaining({ code: 'UFFD_EFAULT' }),
    );
    // The rest of the range is fine, and what came before the poisoned page is not lost.
    expect(processVmReadv(process.pid, into, [hand.page(0, 2)])).toBe(pageSize);
    expect(() => uffd.poison(hand.page(0))).toThrow(expect.objectContaining({ code: 'UFFD_EEXIST' }));
  });

  test.skipIf(lacksUffd())('unregistering wakes the waiter, who finds ordinary memory', () => {
    uffd.register(hand, ['MISSING']);
    hand.start('read', 0);
    next(uffd, 'pagefault');
    uffd.unregister(hand);
    expect(hand.finish()).toBe(0);
  });

  test.skipIf(lacksUffd())('closing wakes the waiter', () => {
    uffd.register(hand, ['MISSING']);
    hand.start('read', 0);
    next(uffd, 'pagefault');
    uffd.close();
    expect(hand.finish()).toBe(0);
  });

  test.skipIf(lacksUffd())(
    'a read takes as many events as it is asked for, or all that there are',
    async () => {
      const hands = [hand, await Hand.with(), await Hand.with()];
      for (const each of hands) {
        uffd.register(each, ['MISSING']);
        each.start('read', 0);
      }
      untilPending(uffd, 3);
      const [first, ...more] = uffd.readEvents(1);
      expect(more).toEqual([]);
      const rest = uffd.readEvents();
      expect(rest).toHaveLength(2);
      const addresses = [first, ...rest].map((event) => event?.kind === 'pagefault' && event.address);
      expect(new Set(addresses)).toEqual(new Set(hands.map((each) => each.address)));
      // Read, but not resolved: the threads sleep on, and there is nothing more to tell.
      expect(uffd.readEvents()).toEqual([]);
      uffd.close();
      for (const each of hands) each.finish();
      await Promise.all(hands.slice(1).map((each) => each.end()));
    },
  );

  test.skipIf(lacksUffd())('a page outside every registered range is refused', () => {
    for (const call of [
      () => uffd.copy(hand.address, content(1, 1)),
      () => uffd.zeropage(hand.page(0)),
      () => uffd.writeProtect(hand.page(0)),
    ]) {
      expect(call).toThrow(
        expect.objectContaining({ code: 'UFFD_ENOENT', hint: expect.stringContaining('not registered') }),
      );
    }
  });
});
