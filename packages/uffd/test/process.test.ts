import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { ftruncateSync, writeSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  closeFd,
  fileData,
  Mapping,
  memfdCreate,
  pageSize,
  pidfdGetfd,
  pidfdOpen,
  processVmReadv,
  RANGES_MAX,
  receiveFds,
  sendFds,
  sharesMemory,
  socketPair,
} from '../src/index.ts';
import { lacks } from './kernel.ts';
import { Stage } from './stage.ts';

/** No process has it: above the kernel's PID_MAX_LIMIT of 2^22. */
const NO_PID = 2 ** 22 + 1;

describe('memory of a process', () => {
  test('ranges are read one after the other', () => {
    using mapping = new Mapping({ sizeBytes: 2 * pageSize });
    const bytes = new Uint8Array(mapping.buffer);
    bytes.set([1, 2, 3]);
    bytes.set([4, 5], pageSize);
    const into = new Uint8Array(6);
    const count = processVmReadv(process.pid, into, [
      { address: mapping.address + BigInt(pageSize), sizeBytes: 2 },
      { address: mapping.address, sizeBytes: 3n },
    ]);
    expect([count, ...into]).toEqual([5, 4, 5, 1, 2, 3, 0]);
  });

  test('a hole after the first range shortens the answer', () => {
    using mapping = new Mapping({ sizeBytes: pageSize });
    const hole = { address: 0n, sizeBytes: 8 };
    const into = new Uint8Array(16);
    expect(processVmReadv(process.pid, into, [{ address: mapping.address, sizeBytes: 8 }, hole])).toBe(8);
    expect(() => processVmReadv(process.pid, into, [hole])).toThrow(
      expect.objectContaining({ code: 'UFFD_EFAULT', operands: expect.objectContaining({ address: 0n }) }),
    );
  });

  test('the number of ranges has the kernel’s limit', () => {
    using mapping = new Mapping({ sizeBytes: pageSize });
    const ranges = (count: number) =>
      Array.from({ length: count }, () => ({ address: mapping.address, sizeBytes: 1 }));
    const into = new Uint8Array(2 * RANGES_MAX);
    expect(processVmReadv(process.pid, into, ranges(RANGES_MAX - 1))).toBe(RANGES_MAX - 1);
    expect(processVmReadv(process.pid, into, ranges(RANGES_MAX))).toBe(RANGES_MAX);
    expect(() => processVmReadv(process.pid, into, ranges(RANGES_MAX + 1))).toThrow(RangeError);
    expect(() => processVmReadv(process.pid, into, [])).toThrow(RangeError);
  });

  test('ranges that do not fit are refused, not cut', () => {
    using mapping = new Mapping({ sizeBytes: pageSize });
    const read = (sizeBytes: number) =>
      processVmReadv(process.pid, new Uint8Array(8), [{ address: mapping.address, sizeBytes }]);
    expect(read(7)).toBe(7);
    expect(read(8)).toBe(8);
    expect(() => read(9)).toThrow(RangeError);
  });

  test('no such process', () => {
    expect(() => processVmReadv(NO_PID, new Uint8Array(1), [{ address: 4096n, sizeBytes: 1 }])).toThrow(
      expect.objectContaining({ code: 'UFFD_ESRCH', syscall: 'process_vm_readv' }),
    );
    expect(() => pidfdOpen(NO_PID)).toThrow(expect.objectContaining({ code: 'UFFD_ESRCH' }));
  });
});

describe('whose memory it is', () => {
  test('a process shares its memory with itself, not with a child', () => {
    expect(sharesMemory(process.pid, process.pid)).toBe(true);
    expect(sharesMemory(process.pid, process.ppid)).toBe(false);
    expect(() => sharesMemory(process.pid, NO_PID)).toThrow(expect.objectContaining({ code: 'UFFD_ESRCH' }));
  });
});

describe('holes of a file', () => {
  test('are told from data, within what was asked for', () => {
    const fd = memfdCreate('holes');
    ftruncateSync(fd, 16 * pageSize);
    writeSync(fd, new Uint8Array(2 * pageSize).fill(1), 0, 2 * pageSize, 4 * pageSize);
    const page = BigInt(pageSize);
    expect(fileData(fd, 0n, 16n * page)).toEqual([{ offset: 4n * page, sizeBytes: 2n * page }]);
    expect(fileData(fd, 5n * page, 11n * page)).toEqual([{ offset: 5n * page, sizeBytes: page }]);
    expect(fileData(fd, 0n, 5n * page)).toEqual([{ offset: 4n * page, sizeBytes: page }]);
    expect(fileData(fd, 6n * page, 4n * page)).toEqual([]);
    expect(fileData(fd, 99n * page, page)).toEqual([]);
    closeFd(fd);
    expect(() => fileData(fd, 0n, page)).toThrow(expect.objectContaining({ code: 'UFFD_EBADF' }));
  });
});

describe('descriptors of a process', () => {
  let child: ChildProcessByStdio<Writable, Readable, null>;
  beforeAll(async () => {
    child = spawn('/bin/sh', ['-c', 'exec 9</dev/zero; echo ready; read line'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
  });
  afterAll(() => {
    child.kill('SIGKILL');
  });

  test('pidfd_getfd duplicates one', async () => {
    const { readSync } = await import('node:fs');
    const pidfd = pidfdOpen(child.pid ?? 0);
    const zero = pidfdGetfd(pidfd, 9);
    const bytes = new Uint8Array([7]);
    expect(readSync(zero, bytes)).toBe(1);
    expect(bytes[0]).toBe(0);
    expect(() => pidfdGetfd(pidfd, 800)).toThrow(
      expect.objectContaining({ code: 'UFFD_EBADF', hint: expect.stringContaining('no such descriptor') }),
    );
    closeFd(zero);
    closeFd(pidfd);
    expect(() => closeFd(pidfd)).toThrow(expect.objectContaining({ code: 'UFFD_EBADF' }));
  });
});

describe('as nobody', () => {
  const notRoot = lacks(process.geteuid?.() === 0, 'needs root, to become nobody');

  test.skipIf(notRoot)('another user’s process is closed, and the error says what opens it', () => {
    using stage = new Stage();
    const told = stage.run(
      `import { pidfdGetfd, pidfdOpen, processVmReadv } from '@stillframe/uffd';
       const attempts = [
         () => processVmReadv(process.ppid, new Uint8Array(1), [{ address: 4096n, sizeBytes: 1 }]),
         () => pidfdGetfd(pidfdOpen(process.ppid), 0),
       ];
       console.log(JSON.stringify(attempts.map((attempt) => { try { return attempt(); } catch (error) { return error; } })));`,
      { uid: 65_534 },
    );
    expect(JSON.parse(told)).toEqual([
      expect.objectContaining({
        code: 'UFFD_EPERM',
        syscall: 'process_vm_readv',
        hint: expect.stringContaining('ptrace_scope'),
      }),
      expect.objectContaining({
        code: 'UFFD_EPERM',
        syscall: 'pidfd_getfd',
        hint: expect.stringContaining('CAP_SYS_PTRACE'),
      }),
    ]);
  });
});

describe('descriptors over a socket', () => {
  test('arrive as duplicates, with the bytes', async () => {
    const { fstatSync, openSync } = await import('node:fs');
    const [one, other] = socketPair();
    expect(receiveFds(other)).toBeNull();
    const zero = openSync('/dev/zero', 'r');
    expect(sendFds(one, [zero, one], Buffer.from('two'))).toBe(3);
    const received = receiveFds(other);
    expect(received).toMatchObject({ fdsLost: false, bytesLost: false });
    expect(Buffer.from(received?.bytes ?? []).toString()).toBe('two');
    expect(received?.fds).toHaveLength(2);
    const [copy = -1] = received?.fds ?? [];
    expect(copy).not.toBe(zero);
    expect(fstatSync(copy).rdev).toBe(fstatSync(zero).rdev);
    for (const fd of [...(received?.fds ?? []), zero, one]) closeFd(fd);
    expect(receiveFds(other)).toMatchObject({ bytes: new Uint8Array(0), fds: [] });
    closeFd(other);
  });

  test('a message carries as many as the kernel allows', () => {
    const [one, other] = socketPair('seqpacket');
    const copies = (count: number) => Array.from({ length: count }, () => one);
    for (const count of [252, 253]) {
      sendFds(one, copies(count));
      const fds = receiveFds(other)?.fds ?? [];
      expect(fds).toHaveLength(count);
      for (const fd of fds) closeFd(fd);
    }
    expect(() => sendFds(one, copies(254))).toThrow(RangeError);
    expect(() => sendFds(one, [])).toThrow(RangeError);
    closeFd(one);
    closeFd(other);
  });

  test('what does not fit into a datagram is told', () => {
    const [one, other] = socketPair('datagram');
    sendFds(one, [one], Buffer.from('longer'));
    const received = receiveFds(other, 4);
    expect(received).toMatchObject({ bytesLost: true, fdsLost: false });
    for (const fd of [...(received?.fds ?? []), one, other]) closeFd(fd);
  });

  test('errors by name', () => {
    const [one, other] = socketPair();
    expect(() => sendFds(one, [1_000_000])).toThrow(expect.objectContaining({ code: 'UFFD_EBADF' }));
    closeFd(other);
    expect(() => sendFds(one, [one])).toThrow(
      expect.objectContaining({ code: 'UFFD_EPIPE', hint: 'The other end is closed' }),
    );
    closeFd(one);
    expect(() => receiveFds(one)).toThrow(expect.objectContaining({ code: 'UFFD_EBADF' }));
  });

  test('a full socket is EAGAIN, not a sleep', () => {
    const [one, other] = socketPair();
    const fill = () => {
      for (;;) sendFds(one, [one], new Uint8Array(65_536));
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'UFFD_EAGAIN' }));
    closeFd(one);
    closeFd(other);
  });
});
