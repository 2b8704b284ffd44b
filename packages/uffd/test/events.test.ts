import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { madvise, type Feature, mmap, pageSize, Userfaultfd } from '../src/index.ts';
import { decodeEvents, MESSAGE_BYTES } from '../src/events.ts';
import { Hand } from './hand.ts';
import { GIVE_UP_MS, lacksUffd, next } from './kernel.ts';

// Values of MADV_ and MREMAP_ for the other thread, which uses the addon itself.
const DONTNEED = 4;
const REMOVE = 9;
const MAYMOVE_FIXED = 3;

describe('events', () => {
  let hand: Hand;
  let uffd: Userfaultfd;
  const open = (...features: Feature[]): void => {
    uffd = Userfaultfd.open({ features });
    uffd.register(hand, ['MISSING']);
  };
  beforeEach(async () => {
    hand = await Hand.with();
  });
  afterEach(async () => {
    uffd.close();
    await hand.end();
  });

  test.skipIf(lacksUffd('EVENT_REMOVE'))(
    'discarding pages is told, and the owner waits until it is read',
    () => {
      open('EVENT_REMOVE');
      uffd.zeropage(hand);
      hand.start('madvise', hand.at(1), 2 * pageSize, DONTNEED);
      expect(uffd.waitReadable(GIVE_UP_MS)).toBe(true);
      expect(hand.busy).toBe(true);
      expect(next(uffd, 'remove')).toEqual({
        kind: 'remove',
        address: hand.at(1),
        sizeBytes: BigInt(2 * pageSize),
      });
      expect(hand.finish()).toBe(0);
    },
  );

  test.skipIf(lacksUffd('EVENT_REMOVE'))(
    'while an event is unread, resolving fails with EAGAIN and loses nothing',
    () => {
      open('EVENT_REMOVE');
      uffd.zeropage(hand.page(0));
      hand.start('madvise', hand.address, pageSize, DONTNEED);
      expect(uffd.waitReadable(GIVE_UP_MS)).toBe(true);
      expect(() => uffd.zeropage(hand.page(1))).toThrow(
        expect.objectContaining({ code: 'UFFD_EAGAIN', hint: expect.stringContaining('read the events') }),
      );
      next(uffd, 'remove');
      hand.finish();
      expect(uffd.zeropage(hand.page(1))).toBe(pageSize);
    },
  );

  test.skipIf(lacksUffd('EVENT_UNMAP'))('unmapping is told, and the owner waits until it is read', () => {
    open('EVENT_UNMAP');
    hand.start('munmap', hand.at(3), pageSize);
    expect(next(uffd, 'unmap')).toEqual({ kind: 'unmap', address: hand.at(3), sizeBytes: BigInt(pageSize) });
    expect(hand.finish()).toBe(0);
  });

  test.skipIf(lacksUffd('EVENT_REMAP'))('moving is told, and the watch moves along', () => {
    open('EVENT_REMAP');
    const to = mmap({ sizeBytes: hand.sizeBytes, flags: ['PRIVATE', 'ANONYMOUS'] });
    hand.start('mremap', hand.address, hand.sizeBytes, hand.sizeBytes, MAYMOVE_FIXED, to);
    expect(next(uffd, 'remap')).toEqual({
      kind: 'remap',
      from: hand.address,
      to,
      sizeBytes: BigInt(hand.sizeBytes),
    });
    expect(BigInt(hand.finish())).toBe(to);
    expect(uffd.zeropage({ address: to, sizeBytes: pageSize })).toBe(pageSize);
  });

  test.skipIf(lacksUffd('EVENT_REMOVE'))('without the feature there is no event and nobody waits', () => {
    open();
    uffd.zeropage(hand);
    expect(hand.do('madvise', hand.address, pageSize, DONTNEED)).toBe(0);
    expect(uffd.readEvents()).toEqual([]);
  });

  test.skipIf(lacksUffd())('a refused advice is a number, not an event', () => {
    open();
    // REMOVE punches holes into files; anonymous memory has none.
    expect(() => madvise(hand, 'REMOVE')).toThrow(expect.objectContaining({ code: 'UFFD_EINVAL' }));
    expect(hand.do('madvise', hand.address, pageSize, REMOVE)).toBeLessThan(0);
  });
});

const adopt = (): never => {
  throw new Error('nothing to adopt');
};

describe('decoding', () => {
  test('an event of a newer kernel is passed on by number', () => {
    const message = new Uint8Array(MESSAGE_BYTES);
    message[0] = 0x77;
    expect(decodeEvents(message, adopt)).toEqual([{ kind: 'unknown', number: 0x77 }]);
  });

  test('no bytes are no events', () => {
    expect(decodeEvents(new Uint8Array(0), adopt)).toEqual([]);
  });
});
