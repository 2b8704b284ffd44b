import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import native from '#native';
import {
  closeFd,
  pageSize,
  pidfdGetfd,
  pidfdOpen,
  processVmReadv,
  type ReceivedFds,
  receiveFds,
  socketPair,
  Userfaultfd,
} from '../src/index.ts';
import { GIVE_UP_MS, lacks, lacksUffd, next } from './kernel.ts';

const noForeign =
  lacksUffd('PAGEFAULT_FLAG_WP', 'WP_UNPOPULATED') ||
  lacks(runs('python3', '--version'), 'needs python3 as the other program');

function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const POLLIN = 1;

/** Another program, not of Node, that owns memory; see workers/foreign.py. */
class Foreign {
  readonly child: ChildProcess;
  readonly socket: number;
  readonly pid: number;
  readonly address: bigint;
  readonly sizeBytes: number;
  /** Its userfaultfd, as it was sent to us. */
  readonly uffd: Userfaultfd;
  /** The number of that descriptor in the other process. */
  readonly remoteFd: number;

  constructor() {
    const [ours, theirs] = socketPair();
    this.socket = ours;
    this.child = spawn('python3', [new URL('workers/foreign.py', import.meta.url).pathname], {
      stdio: ['ignore', 'inherit', 'inherit', theirs],
    });
    closeFd(theirs);
    const { bytes, fds } = this.receive();
    const [pid = '', address = '', sizeBytes = '', remoteFd = ''] = Buffer.from(bytes).toString().split(/\s/);
    this.pid = Number(pid);
    this.address = BigInt(address);
    this.sizeBytes = Number(sizeBytes);
    this.remoteFd = Number(remoteFd);
    this.uffd = Userfaultfd.adopt(fds[0] ?? -1);
  }

  at(pageIndex: number): bigint {
    return this.address + BigInt(pageIndex * pageSize);
  }

  page(pageIndex: number): { address: bigint; sizeBytes: number } {
    return { address: this.at(pageIndex), sizeBytes: pageSize };
  }

  ask(request: string): void {
    writeSync(this.socket, `${request}\n`);
  }

  get answered(): boolean {
    return native.poll(this.socket, POLLIN, 0) > 0;
  }

  answer(): string {
    return Buffer.from(this.receive().bytes).toString().trim();
  }

  async end(): Promise<void> {
    this.uffd.close();
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
    closeFd(this.socket);
  }

  private receive(): ReceivedFds {
    if (native.poll(this.socket, POLLIN, GIVE_UP_MS) <= 0)
      throw new Error('the other process does not answer');
    const received = receiveFds(this.socket);
    if (received === null || received.bytes.byteLength === 0) throw new Error('the other process has ended');
    return received;
  }
}

describe.skipIf(noForeign)('another process', () => {
  let foreign: Foreign;
  beforeEach(() => {
    foreign = new Foreign();
  });
  afterEach(async () => {
    await foreign.end();
  });

  test('its missing pages are filled from our memory, at its addresses', () => {
    const { uffd } = foreign;
    uffd.handshake();
    uffd.register(foreign, ['MISSING']);
    foreign.ask('read 5');
    expect(next(uffd, 'pagefault')).toMatchObject({ address: foreign.address, reason: 'missing' });
    expect(foreign.answered).toBe(false);
    expect(uffd.copy(foreign.address, new Uint8Array(pageSize).fill(66))).toBe(pageSize);
    expect(foreign.answer()).toBe('66');
    // There is nothing of the kind at that address here.
    const theirs = new Uint8Array(4);
    expect(processVmReadv(foreign.pid, theirs, [{ address: foreign.address, sizeBytes: 4 }])).toBe(4);
    expect([...theirs]).toEqual([66, 66, 66, 66]);
  });

  test('its writes wait while we read the pre-image', () => {
    const { uffd } = foreign;
    foreign.ask('write 0 1');
    expect(foreign.answer()).toBe('ok');
    uffd.handshake(['PAGEFAULT_FLAG_WP']);
    uffd.register(foreign, ['WP']);
    uffd.writeProtect(foreign.page(0));
    foreign.ask('write 0 2');
    expect(next(uffd, 'pagefault')).toMatchObject({ reason: 'wp', address: foreign.address });
    const before = new Uint8Array(1);
    processVmReadv(foreign.pid, before, [{ address: foreign.address, sizeBytes: 1 }]);
    expect(before[0]).toBe(1);
    uffd.writeUnprotect(foreign.page(0));
    expect(foreign.answer()).toBe('ok');
    processVmReadv(foreign.pid, before, [{ address: foreign.address, sizeBytes: 1 }]);
    expect(before[0]).toBe(2);
  });

  test('its userfaultfd can be taken by pidfd as well', () => {
    const pidfd = pidfdOpen(foreign.pid);
    using taken = Userfaultfd.adopt(pidfdGetfd(pidfd, foreign.remoteFd));
    closeFd(pidfd);
    taken.handshake();
    // One userfaultfd behind two descriptors: the handshake is done for both.
    expect(() => foreign.uffd.handshake()).toThrow(expect.objectContaining({ code: 'UFFD_EINVAL' }));
    expect(foreign.uffd.register(foreign, ['MISSING'])).toContain('COPY');
    foreign.ask('read 0');
    expect(next(taken, 'pagefault').address).toBe(foreign.address);
    foreign.uffd.zeropage(foreign.page(0));
    expect(foreign.answer()).toBe('0');
  });

  test.skipIf(lacksUffd('EVENT_FORK'))('a fork brings a userfaultfd for the child', () => {
    const { uffd } = foreign;
    uffd.handshake(['EVENT_FORK', 'WP_UNPOPULATED']);
    uffd.register(foreign, ['WP']);
    uffd.writeProtect(foreign);
    foreign.ask('fork');
    const { child } = next(uffd, 'fork');
    const pid = Number(foreign.answer());
    expect(child.fd).not.toBe(uffd.fd);
    // It works on the child's memory: disarming there leaves the parent armed.
    child.writeUnprotect(foreign);
    expect(processVmReadv(pid, new Uint8Array(1), [{ address: foreign.address, sizeBytes: 1 }])).toBe(1);
    foreign.ask('write 0 1');
    expect(next(uffd, 'pagefault').reason).toBe('wp');
    child.close();
  });

  test('when it ends, its userfaultfd says so', async () => {
    const { uffd } = foreign;
    uffd.handshake();
    uffd.register(foreign, ['MISSING']);
    const exited = once(foreign.child, 'exit');
    foreign.child.kill('SIGKILL');
    await exited;
    expect(() => uffd.zeropage(foreign.page(0))).toThrow(
      expect.objectContaining({ code: 'UFFD_ESRCH', hint: expect.stringContaining('has ended') }),
    );
    foreign = new Foreign();
  });
});
