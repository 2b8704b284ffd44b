import { afterAll, describe, expect, test } from 'vitest';
import { closeFd, pageSize, ProcessTracer, processVmReadv, Userfaultfd } from '../src/index.ts';
import { GIVE_UP_MS, lacks, lacksUffd } from './kernel.ts';
import { cycle } from './trace/cycle.ts';
import { belongings, lacksCompiler, statusOf, type Target, Targets, until } from './trace/target.ts';

// What is made in the target, and what the target keeps.

const targets = new Targets();
afterAll(() => targets[Symbol.dispose]());
const NOBODY = 65_534;
const SIGSTOP = 19;
const unprivileged = lacks(process.getuid?.() === 0, 'only root may start processes of other users');

async function idle(options: { uid?: number } = {}): Promise<{ target: Target; page: bigint }> {
  const target = targets.start('idle', [], options);
  return { target, page: BigInt(await target.line()) };
}

function byteAt(pid: number, address: bigint): number {
  const into = new Uint8Array(1);
  processVmReadv(pid, into, [{ address, sizeBytes: 1 }]);
  return into[0] ?? -1;
}

describe.skipIf(unprivileged || lacksUffd('PAGEFAULT_FLAG_WP') || lacksCompiler())('a userfaultfd', () => {
  test.each([
    ['of a process of ours', {}],
    ['of a process that may not make one, and is lent the device', { uid: NOBODY }],
  ])('%s sees its writes', async (_, options) => {
    const { target, page } = await idle(options);
    await using held = target;
    using tracer = ProcessTracer.start(held.pid);
    tracer.stop();
    using uffd = Userfaultfd.adopt(tracer.makeUserfaultfd());
    uffd.handshake(['PAGEFAULT_FLAG_WP']);
    const range = { address: page, sizeBytes: pageSize };
    uffd.register(range, ['WP']);
    uffd.writeProtect(range);
    tracer.resume();

    const answer = target.ask('w');
    expect(uffd.waitReadable(GIVE_UP_MS)).toBe(true);
    expect(uffd.readEvents()).toEqual([expect.objectContaining({ kind: 'pagefault', address: page })]);
    expect(byteAt(target.pid, page)).toBe(1);
    uffd.writeUnprotect(range);
    expect(await answer).toBe('ok');
    expect(byteAt(target.pid, page)).toBe(2);
  });

  test.each([
    ['nothing', {}],
    ['nothing, also when it is lent the device,', { uid: NOBODY }],
  ])('%s of it stays in the process', async (_, options) => {
    const { target } = await idle(options);
    await using held = target;
    using tracer = ProcessTracer.start(held.pid);
    const before = belongings(target.pid);
    for (let i = 0; i < 100; i++) cycle(tracer);
    expect(belongings(target.pid)).toEqual(before);
  });

  test('several in one stop are several', async () => {
    const { target } = await idle();
    await using held = target;
    using tracer = ProcessTracer.start(held.pid);
    tracer.stop();
    const fds = [tracer.makeUserfaultfd(), tracer.makeUserfaultfd()];
    tracer.resume();
    expect(new Set(fds).size).toBe(2);
    for (const fd of fds) closeFd(fd);
    expect(await target.ask('w')).toBe('ok');
  });
});

describe.skipIf(lacksUffd() || lacksCompiler())('a process that SIGSTOP has stopped', () => {
  test('stays stopped, and goes on by SIGCONT', async () => {
    const { target } = await idle();
    await using held = target;
    held.child.kill('SIGSTOP');
    await until(() => statusOf(target.pid, 'State').startsWith('T'), 'it is stopped');
    using tracer = ProcessTracer.start(target.pid);
    for (let i = 0; i < 20; i++) cycle(tracer);
    const answer = target.ask('w');
    await until(() => statusOf(target.pid, 'State').startsWith('T'), 'it is stopped');
    target.child.kill('SIGCONT');
    expect(await answer).toBe('ok');
    cycle(tracer);
  });

  test('also when the signal comes during the stop', async () => {
    const { target } = await idle();
    await using held = target;
    using tracer = ProcessTracer.start(held.pid);
    tracer.stop();
    target.child.kill('SIGSTOP');
    closeFd(tracer.makeUserfaultfd());
    tracer.resume();
    await until(() => statusOf(target.pid, 'State').startsWith('T'), 'it is stopped');
    target.child.kill('SIGCONT');
    expect(await target.ask('w')).toBe('ok');
  });

  test('SIGCONT during the stop continues it', async () => {
    const { target } = await idle();
    await using held = target;
    held.child.kill('SIGSTOP');
    await until(() => statusOf(target.pid, 'State').startsWith('T'), 'it is stopped');
    using tracer = ProcessTracer.start(target.pid);
    tracer.stop();
    target.child.kill('SIGCONT');
    closeFd(tracer.makeUserfaultfd());
    tracer.resume();
    expect(await target.ask('w')).toBe('ok');
  });
});

describe.skipIf(lacksUffd() || lacksCompiler())('what is told of a thread', () => {
  test('registers, mask, and the signal it was about to take', async () => {
    await using target = targets.start('waits', ['sigwait']);
    await target.line();
    await until(() => statusOf(target.pid, 'State').startsWith('S'), 'it waits');
    using tracer = ProcessTracer.start(target.pid);
    const first = tracer.stop();
    target.child.kill('SIGUSR1');
    tracer.resume();
    const [thread] = first.threads;
    expect(first.threads).toHaveLength(1);
    expect(first.threadCount).toBe(1);
    expect(thread).toMatchObject({ tid: target.pid, signalMask: 1n << 9n, stopSignal: 0 });
    expect(thread?.regsets.slice(0, 2).map(({ type }) => type)).toEqual([1, 2]);
    expect(first.stoppedNs).toBeGreaterThanOrEqual(first.interruptedNs);
    await target.line();
  });

  test('a signal that it blocks waits for the process', async () => {
    await using target = targets.start('waits', ['sigsuspend']);
    await target.line();
    await until(() => statusOf(target.pid, 'State').startsWith('S'), 'it waits');
    using tracer = ProcessTracer.start(target.pid);
    tracer.stop();
    target.child.kill('SIGUSR1');
    tracer.resume();
    await target.line();
    expect(SIGSTOP).toBe(19);
  });

  test('nothing when it is not asked for', async () => {
    const { target } = await idle();
    await using held = target;
    using tracer = ProcessTracer.start(held.pid);
    const stopped = tracer.stop({ registers: false });
    expect(stopped.threads).toEqual([]);
    expect(stopped.threadCount).toBe(1);
    tracer.resume();
  });
});
