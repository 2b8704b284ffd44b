import { afterAll, describe, expect, test } from 'vitest';
import { closeFd, ProcessTracer, processVmReadv, type StoppedProcess } from '../src/index.ts';
import { lacks, lacksUffd, skip } from './kernel.ts';
import { cycle } from './trace/cycle.ts';
import { lacksCompiler, statusOf, type Target, Targets, until } from './trace/target.ts';

// A process that is stopped, makes a userfaultfd and is let go, again and again, does not see it.

const targets = new Targets();
afterAll(() => targets[Symbol.dispose]());
const CYCLES = 200;
const EINTR = 4;
const EAGAIN = 11;
const ETIMEDOUT = 110;

function wordAt(pid: number, address: bigint): bigint {
  const word = new BigUint64Array(1);
  processVmReadv(pid, new Uint8Array(word.buffer), [{ address, sizeBytes: 8 }]);
  return word[0] ?? 0n;
}

/** Of the first thread: the 17th word of NT_PRSTATUS. */
function instructionPointer({ threads }: StoppedProcess): bigint {
  const { bytes } = threads[0]?.regsets[0] ?? { bytes: new Uint8Array(0) };
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(16 * 8, true);
}

/** Cycles while the event loop turns, until the target has spoken. */
async function cycleUntil(tracer: ProcessTracer, spoken: Promise<string>): Promise<string> {
  let answer: string | undefined;
  void spoken.then((line) => (answer = line));
  await until(() => {
    if (answer === undefined) cycle(tracer);
    return answer !== undefined;
  }, 'the target speaks');
  return answer ?? '';
}

async function waiting(mode: string): Promise<Target> {
  const target = targets.start('waits', [mode]);
  expect(await target.line()).toBe('ready');
  await until(() => statusOf(target.pid, 'State').startsWith('S'), 'it waits');
  return target;
}

describe.skipIf(lacksUffd() || lacksCompiler())('a system call that is interrupted', () => {
  // Were the time-out started anew each time, it would never pass.
  test.each([
    ['nanosleep', `0 0 0 1`],
    ['clock_nanosleep', `0 0 0 1`],
    ['futex', `-1 ${ETIMEDOUT} 0 1`],
    ['poll-time', `0 0 0 1`],
    ['select-time', `0 0 0 1`],
  ])('%s keeps its time-out', async (mode, result) => {
    await using target = await waiting(mode);
    using tracer = ProcessTracer.start(target.pid);
    expect(await cycleUntil(tracer, target.line())).toBe(result);
  });

  test('semtimedop ends by its time-out when it is left in peace', async () => {
    await using target = await waiting('semop');
    using tracer = ProcessTracer.start(target.pid);
    for (let i = 0; i < CYCLES; i++) cycle(tracer);
    expect(await target.line()).toBe(`-1 ${EAGAIN} 0 1`);
  });

  test.each(['read', 'poll', 'ppoll', 'epoll_wait', 'epoll_pwait'])(
    '%s waits on for a byte',
    async (mode) => {
      await using target = await waiting(mode);
      using tracer = ProcessTracer.start(target.pid);
      for (let i = 0; i < CYCLES; i++) cycle(tracer);
      target.tell('x');
      expect(await target.line()).toBe('1 0 0 1');
    },
  );

  test('recv with a time-out waits on for a byte', async () => {
    await using target = await waiting('recv-limit');
    using tracer = ProcessTracer.start(target.pid);
    for (let i = 0; i < CYCLES; i++) cycle(tracer);
    target.tell('x');
    expect(await target.line()).toBe('1 0 0 1');
  });

  // The mask that holds in them is another one than outside; a handler that runs is what ends them.
  test.each(['sigsuspend', 'epoll-signal', 'epoll-pwait-signal'])(
    '%s still fails with EINTR when a handler runs',
    async (mode) => {
      await using target = await waiting(mode);
      using tracer = ProcessTracer.start(target.pid);
      for (let i = 0; i < CYCLES; i++) cycle(tracer);
      target.child.kill('SIGUSR1');
      expect(await target.line()).toBe(`-1 ${EINTR} 1 1`);
    },
  );

  test.each(['sigsuspend', 'epoll-signal', 'epoll-pwait-signal'])(
    '%s does so too when the signal comes during the stop',
    async (mode) => {
      await using target = await waiting(mode);
      using tracer = ProcessTracer.start(target.pid);
      tracer.stop();
      target.child.kill('SIGUSR1');
      closeFd(tracer.makeUserfaultfd());
      tracer.resume();
      expect(await target.line()).toBe(`-1 ${EINTR} 1 1`);
    },
  );

  test('sigtimedwait still gets its signal', async () => {
    await using target = await waiting('sigwait');
    using tracer = ProcessTracer.start(target.pid);
    for (let i = 0; i < CYCLES; i++) cycle(tracer);
    target.child.kill('SIGUSR1');
    expect(await target.line()).toBe('10 0 0 1');
  });
});

describe.skipIf(lacksUffd() || lacksCompiler())('signals', () => {
  test.each([
    ['queued', '5000 0'],
    ['ping', '2000 0'],
    ['faults', '20000 0'],
  ])('%s: each is handled exactly once', async (mode, result) => {
    await using target = targets.start('signals', [mode]);
    await target.line();
    using tracer = ProcessTracer.start(target.pid);
    expect(await cycleUntil(tracer, target.line())).toBe(result);
  });

  test('one that comes during the stop is seen by us, and handled afterwards', async () => {
    await using target = await waiting('sigwait');
    using tracer = ProcessTracer.start(target.pid);
    tracer.stop();
    target.child.kill('SIGUSR1');
    tracer.resume();
    expect(await target.line()).toBe('10 0 0 1');
  });
});

const elsewhere = lacks(process.arch === 'x64', 'this test has x86_64 code only', false);
describe.skipIf(elsewhere || lacksUffd() || lacksCompiler())('a computation', () => {
  test('keeps its registers: general, vector, flags', async () => {
    await using target = targets.start('registers');
    expect(await target.line()).toBe('ready');
    using tracer = ProcessTracer.start(target.pid);
    for (let i = 0; i < 5 * CYCLES; i++) cycle(tracer);
    target.child.stdin?.end();
    expect(Number(await target.line())).toBeGreaterThan(0);
  });

  // The kernel forgets the sequence when it sees the thread elsewhere: were it sent back inside, it would spin there for ever.
  test('a restartable sequence is aborted when something else ran in its thread', async (context) => {
    await using target = targets.start('rseq');
    const line = await target.line();
    if (line === 'none') skip(context, 'the C library registers no restartable sequences');
    const [count = 0n, start = 0n, end = 0n] = line.split(' ').map(BigInt);
    using tracer = ProcessTracer.start(target.pid);
    let cut = 0;
    for (let i = 0; i < CYCLES; i++) {
      const before = wordAt(target.pid, count);
      const at = instructionPointer(cycle(tracer));
      if (at < start || at >= end) continue;
      cut++;
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await until(() => wordAt(target.pid, count) > before, 'it is aborted');
    }
    expect(cut).toBeGreaterThan(0);
  });
});
