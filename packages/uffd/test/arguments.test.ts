import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { madvise, mlock, mmap, mprotect, mremap, munmap, pageSize, Userfaultfd } from '../src/index.ts';
import { lacks, machine } from './kernel.ts';

const P = BigInt(pageSize);
const page = { address: 16n * P, sizeBytes: pageSize };

const mistake = (kind: string) => expect.objectContaining({ name: kind, code: 'UFFD_ARGUMENT' });

describe.skipIf(lacks(machine.open.userModeOnly.ok, 'no userfaultfd at all'))(
  'mistakes are told before the kernel is asked',
  () => {
    let uffd: Userfaultfd;
    beforeAll(() => {
      uffd = Userfaultfd.open({ userModeOnly: true });
    });
    afterAll(() => {
      uffd.close();
    });

    const calls: [string, (range: { address: bigint; sizeBytes: number | bigint }) => unknown][] = [
      ['register', (range) => uffd.register(range, ['WP'])],
      ['unregister', (range) => uffd.unregister(range)],
      ['wake', (range) => uffd.wake(range)],
      ['copy', (range) => uffd.copy(range.address, { address: 4n, sizeBytes: range.sizeBytes })],
      ['zeropage', (range) => uffd.zeropage(range)],
      ['continue', (range) => uffd.continue(range)],
      ['poison', (range) => uffd.poison(range)],
      ['writeProtect', (range) => uffd.writeProtect(range)],
      ['writeUnprotect', (range) => uffd.writeUnprotect(range)],
      ['move, to', (range) => uffd.move(range.address, { ...page, sizeBytes: range.sizeBytes })],
      ['move, from', (range) => uffd.move(page.address, range)],
      ['munmap', (range) => munmap(range)],
      ['mprotect', (range) => mprotect(range, ['READ'])],
      ['madvise', (range) => madvise(range, 'DONTNEED')],
      ['mlock', (range) => mlock(range)],
      ['mremap', (range) => mremap(range, pageSize)],
    ];

    test.each(calls)('%s', (_name, call) => {
      const wrong: [bigint, number | bigint][] = [
        [page.address + 1n, pageSize],
        [page.address, pageSize + 1],
        [page.address, 0],
        [page.address, -pageSize],
        [page.address, 0.5],
        [page.address, Number.NaN],
        [page.address, 2 ** 60],
        [page.address, 1n << 64n],
        [-P, pageSize],
        [1n << 64n, pageSize],
        [(1n << 64n) - P, 2 * pageSize],
      ];
      for (const [address, sizeBytes] of wrong) {
        expect(() => call({ address, sizeBytes }), `${address} ${sizeBytes}`).toThrow(mistake('RangeError'));
      }
      // @ts-expect-error a number is not an address
      expect(() => call({ address: 4096, sizeBytes: pageSize })).toThrow(mistake('TypeError'));
      // @ts-expect-error text is not a length
      expect(() => call({ address: page.address, sizeBytes: '4096' })).toThrow(mistake('TypeError'));
    });

    test('names and modes', () => {
      expect(() => uffd.register(page, [])).toThrow(mistake('RangeError'));
      // @ts-expect-error not a mode
      expect(() => uffd.register(page, ['WRITE'])).toThrow(
        /WRITE is not a register mode; known: MISSING, WP, MINOR/,
      );
      expect(() => mmap({ sizeBytes: pageSize, flags: ['ANONYMOUS'] })).toThrow(mistake('RangeError'));
      expect(() => mmap({ sizeBytes: pageSize, flags: ['SHARED'] })).toThrow(/fd must be/);
      expect(() => mmap({ sizeBytes: 0, flags: ['PRIVATE', 'ANONYMOUS'] })).toThrow(mistake('RangeError'));
      expect(() => mmap({ sizeBytes: 1, flags: ['PRIVATE', 'ANONYMOUS'], offsetBytes: 1 })).toThrow(
        mistake('RangeError'),
      );
    });

    test('the size of a read and of a wait', () => {
      for (const count of [1, 2, 65_535, 65_536]) expect(uffd.readEvents(count)).toEqual([]);
      for (const count of [0, -1, 1.5, 65_537])
        expect(() => uffd.readEvents(count)).toThrow(mistake('RangeError'));
      for (const timeoutMs of [-1, 0.5, 60_001, Number.POSITIVE_INFINITY]) {
        expect(() => uffd.waitReadable(timeoutMs)).toThrow(mistake('RangeError'));
      }
    });
  },
);
