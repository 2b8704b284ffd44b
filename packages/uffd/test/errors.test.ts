import { describe, expect, test } from 'vitest';
import { UffdError } from '../src/index.ts';
import { checked } from '../src/errors.ts';

describe('UffdError', () => {
  const error = new UffdError('ioctl(UFFDIO_COPY)', 17, {
    to: 0x7000n,
    sizeBytes: 4096n,
    flags: ['A', 'B'],
    pid: 5,
  });

  test('has a stable code, the operands and a hint, and says them all', () => {
    expect(error).toMatchObject({
      name: 'UffdError',
      code: 'UFFD_EEXIST',
      errno: 17,
      syscall: 'ioctl(UFFDIO_COPY)',
      operands: { to: 0x7000n },
      hint: expect.stringContaining('already there'),
    });
    expect(error.message).toBe(
      `ioctl(UFFDIO_COPY): EEXIST (to=0x7000, sizeBytes=0x1000, flags=A|B, pid=5). ${error.hint}`,
    );
    expect(error).toBeInstanceOf(Error);
    expect('cause' in error).toBe(false);
  });

  test('goes through JSON, addresses as text', () => {
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({
      code: 'UFFD_EEXIST',
      operands: { to: '0x7000', flags: 'A|B', pid: '5' },
    });
  });

  test.each([
    ['ioctl(UFFDIO_COPY)', 11, 'UFFD_EAGAIN', 'read the events'],
    ['ioctl(UFFDIO_ZEROPAGE)', 2, 'UFFD_ENOENT', 'not registered'],
    ['ioctl(UFFDIO_WAKE)', 22, 'UFFD_EINVAL', 'Whole pages'],
    ['ioctl(UFFDIO_CONTINUE)', 3, 'UFFD_ESRCH', 'has ended'],
    ['userfaultfd', 38, 'UFFD_ENOSYS', 'CONFIG_USERFAULTFD'],
    ['madvise', 133, 'UFFD_EHWPOISON', 'poisoned'],
    ['munmap', 22, 'UFFD_EINVAL', ''],
    ['anything', 11, 'UFFD_EAGAIN', ''],
    ['anything', 95, 'UFFD_EOPNOTSUPP', ''],
    ['anything', 9999, 'UFFD_E9999', ''],
  ])('%s %i', (syscall, errno, code, hint) => {
    const made = new UffdError(syscall, errno);
    expect(made.code).toBe(code);
    expect(made.hint).toContain(hint);
    expect(made.hint === '').toBe(hint === '');
  });

  test('checked passes values on and throws errnos', () => {
    expect([checked(0, 'x'), checked(5, 'x'), checked(7n, 'x')]).toEqual([0, 5, 7n]);
    expect(() => checked(-1, 'x')).toThrow(expect.objectContaining({ errno: 1 }));
    expect(() => checked(-12n, 'x', { a: 1 })).toThrow(
      expect.objectContaining({ errno: 12, operands: { a: 1 } }),
    );
  });
});
