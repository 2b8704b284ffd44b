import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { FEATURE_KERNEL, type Feature, pageSize, probe, UffdError, Userfaultfd } from '../src/index.ts';
import { features } from '../src/abi.ts';
import { lacks, lacksUffd, machine } from './kernel.ts';

/** The flags of a descriptor, as in fcntl. */
const flagsOf = (fd: number): number =>
  Number.parseInt(/^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '', 8);
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

/** What `action` throws. */
function thrown(action: () => unknown): UffdError {
  try {
    action();
  } catch (error) {
    if (error instanceof UffdError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('opening', () => {
  test.skipIf(lacksUffd()).each(['auto', 'syscall'] as const)('via %s', (via) => {
    using uffd = Userfaultfd.open({ via });
    expect(flagsOf(uffd.fd) & (O_NONBLOCK | O_CLOEXEC)).toBe(O_NONBLOCK | O_CLOEXEC);
  });

  test.skipIf(lacks(machine.open.device.ok, 'no access to /dev/userfaultfd'))('via device', () => {
    using uffd = Userfaultfd.open({ via: 'device', closeOnExec: false, nonBlocking: false });
    expect(flagsOf(uffd.fd) & (O_NONBLOCK | O_CLOEXEC)).toBe(0);
  });

  test('an unknown way or feature is a TypeError', () => {
    // @ts-expect-error no such way
    expect(() => Userfaultfd.open({ via: 'magic' })).toThrow(TypeError);
    // @ts-expect-error no such feature
    expect(() => Userfaultfd.open({ features: ['MAGIC'] })).toThrow(
      /MAGIC is not a userfaultfd feature; known: PAGEFAULT_FLAG_WP/,
    );
  });
});

// EVENT_FORK is for those who may trace; the others are granted to anybody.
const openWith = (name: Feature) =>
  Userfaultfd.open({ userModeOnly: name !== 'EVENT_FORK', features: [name] });

describe('the handshake', () => {
  const has = features.names.filter((name) => machine.features.includes(name));
  const hasNot = features.names.filter((name) => !machine.features.includes(name));

  test.skipIf(lacksUffd()).each(has)('%s is granted', (name) => {
    using uffd = openWith(name);
    expect(uffd.closed).toBe(false);
  });

  test.skipIf(lacksUffd()).each(hasNot)('%s is refused', (name) => {
    expect(thrown(() => openWith(name))).toMatchObject({
      code: 'UFFD_EINVAL',
      hint: expect.stringContaining('lacks'),
    });
  });

  test('every feature says since when', () => {
    expect(Object.keys(FEATURE_KERNEL)).toEqual(features.names);
  });

  test.skipIf(lacksUffd())('tells everything that the kernel has, whatever was asked for', () => {
    using uffd = Userfaultfd.create();
    const { features: had, ioctls, unnamedFeatures } = uffd.handshake();
    expect(had).toEqual(machine.features);
    expect(ioctls).toEqual(['REGISTER', 'UNREGISTER', 'API']);
    expect(`0x${unnamedFeatures.toString(16)}`).toBe(machine.unnamedFeatures);
  });

  test.skipIf(lacksUffd())('is done once, and comes first', () => {
    using uffd = Userfaultfd.create();
    expect(thrown(() => uffd.readEvents())).toMatchObject({
      code: 'UFFD_EINVAL',
      syscall: 'read(userfaultfd)',
    });
    expect(thrown(() => uffd.waitReadable(0))).toMatchObject({ code: 'UFFD_EIO', syscall: 'poll' });
    const page = { address: BigInt(pageSize) * 1024n, sizeBytes: pageSize };
    expect(thrown(() => uffd.register(page, ['WP'])).code).toBe('UFFD_EINVAL');
    uffd.handshake();
    expect(uffd.readEvents()).toEqual([]);
    expect(uffd.waitReadable(0)).toBe(false);
    expect(thrown(() => uffd.handshake())).toMatchObject({
      code: 'UFFD_EINVAL',
      syscall: 'ioctl(UFFDIO_API)',
    });
  });

  test.skipIf(lacksUffd())('a blocking descriptor cannot be polled', () => {
    using uffd = Userfaultfd.open({ nonBlocking: false });
    expect(thrown(() => uffd.waitReadable(0)).code).toBe('UFFD_EIO');
  });
});

// The effective user decides, so this process can lower itself for a moment.
const notRoot = lacks(process.geteuid?.() === 0, 'needs root, to become nobody');
const NOBODY = 65_534;

describe.skipIf(
  notRoot || lacks(machine.privileges.unprivilegedUserfaultfd === 0, 'vm.unprivileged_userfaultfd is on'),
)('as nobody', () => {
  afterEach(() => {
    process.seteuid?.(0);
  });

  test('the system call is not permitted, and the error names every way out', () => {
    process.seteuid?.(NOBODY);
    const error = thrown(() => Userfaultfd.open({ via: 'syscall' }));
    process.seteuid?.(0);
    expect(error).toMatchObject({
      code: 'UFFD_EPERM',
      errno: 1,
      syscall: 'userfaultfd',
      operands: { userModeOnly: false },
    });
    for (const way of [
      '/dev/userfaultfd',
      'vm.unprivileged_userfaultfd',
      'CAP_SYS_PTRACE',
      'seccomp',
      'userModeOnly',
    ]) {
      expect(error.hint).toContain(way);
      expect(error.message).toContain(way);
    }
  });

  test('the device is closed, with Node’s error as the cause', () => {
    process.seteuid?.(NOBODY);
    const error = thrown(() => Userfaultfd.open({ via: 'device' }));
    process.seteuid?.(0);
    expect(error).toMatchObject({
      code: 'UFFD_EACCES',
      syscall: 'open(/dev/userfaultfd)',
      cause: { code: 'EACCES' },
    });
    expect(error.hint).toContain('chmod');
  });

  test('auto tries both and says so', () => {
    process.seteuid?.(NOBODY);
    const error = thrown(() => Userfaultfd.open());
    process.seteuid?.(0);
    expect(error).toMatchObject({
      code: 'UFFD_EPERM',
      cause: { code: 'UFFD_EACCES', cause: { code: 'EACCES' } },
    });
  });

  test('user mode only is for everybody', () => {
    process.seteuid?.(NOBODY);
    using uffd = Userfaultfd.open({ userModeOnly: true, features: ['WP_ASYNC'] });
    process.seteuid?.(0);
    expect(uffd.closed).toBe(false);
  });

  test('fork events are not, and the refused descriptor is closed', () => {
    const before = readdirSync('/proc/self/fd').length;
    process.seteuid?.(NOBODY);
    const error = thrown(() => Userfaultfd.open({ userModeOnly: true, features: ['EVENT_FORK'] }));
    process.seteuid?.(0);
    expect(error).toMatchObject({ code: 'UFFD_EPERM', hint: expect.stringContaining('CAP_SYS_PTRACE') });
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  test('the probe does not throw and does not promise', () => {
    process.seteuid?.(NOBODY);
    const { tiers, bestTier } = probe();
    process.seteuid?.(0);
    expect(bestTier).not.toBe('sync-wp');
    expect(tiers[0]).toMatchObject({ available: false });
  });
});
