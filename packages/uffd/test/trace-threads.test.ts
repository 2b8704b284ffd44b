import { readdirSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { closeFd, ProcessTracer, processVmReadv, TraceError } from '../src/index.ts';
import { COMMAND } from '../src/trace/protocol.ts';
import { TracerProcess } from '../src/trace/tracer-process.ts';
import { lacksUffd } from './kernel.ts';
import { cycle } from './trace/cycle.ts';
import { ANSWER_MS, holdAt, LIMITS } from './trace/hold.ts';
import { lacksCompiler, statusOf, type Target, Targets, until } from './trace/target.ts';

// All threads stand still, however many there are and whatever they do.

const targets = new Targets();
afterAll(() => targets[Symbol.dispose]());
const COUNTERS = 1024;
const EXIT_STATUS = 7;

async function start(...args: string[]): Promise<{ target: Target; counters: bigint }> {
  const target = targets.start('threads', args);
  return { target, counters: BigInt(await target.line()) };
}

function countersOf(pid: number, address: bigint): BigUint64Array {
  const counters = new BigUint64Array(COUNTERS);
  processVmReadv(pid, new Uint8Array(counters.buffer), [{ address, sizeBytes: counters.byteLength }]);
  return counters;
}

const tidsOf = (pid: number) => readdirSync(`/proc/${pid}/task`).map(Number);

/** Stops it, makes a userfaultfd, lets it go. @returns Threads that were not stopped, others that were, and counters that moved. */
function movedDuringStop(tracer: ProcessTracer, counters: bigint): readonly string[] {
  const stopped = new Set(tracer.stop().threads.map(({ tid }) => tid));
  const before = countersOf(tracer.pid, counters);
  const tids = tidsOf(tracer.pid);
  const missed = tids.filter((tid) => !stopped.has(tid));
  const strangers = [...stopped].filter((tid) => !tids.includes(tid));
  closeFd(tracer.makeUserfaultfd());
  const after = countersOf(tracer.pid, counters);
  tracer.resume();
  const moved = [...before.keys()].filter((i) => before[i] !== after[i]);
  return [
    ...missed.map((tid) => `thread ${tid}`),
    ...strangers.map((tid) => `stranger ${tid}`),
    ...moved.map((i) => `counter ${i}`),
  ];
}

describe.skipIf(lacksUffd() || lacksCompiler())('threads', () => {
  test('one of them is not a process', async () => {
    const { target } = await start('many', '1');
    await using held = target;
    const thread = tidsOf(held.pid).find((tid) => tid !== held.pid) ?? 0;
    expect(() => ProcessTracer.start(thread)).toThrow(expect.objectContaining({ code: 'no-such-process' }));
  });

  test('500 of them', async () => {
    const { target, counters } = await start('many', '500');
    await using held = target;
    using tracer = ProcessTracer.start(held.pid, { stopTimeoutMs: 5000 });
    for (let i = 0; i < 5; i++) expect(movedDuringStop(tracer, counters)).toEqual([]);
    expect(tracer.stop().threads).toHaveLength(501);
    tracer.resume();
    const before = countersOf(target.pid, counters);
    await until(
      () => countersOf(target.pid, counters).every((count, i) => i >= 500 || count > (before[i] ?? 0n)),
      'each of them goes on',
    );
  });

  test('that are made and end all the time, and processes too', async () => {
    const { target, counters } = await start('churn');
    await using held = target;
    using tracer = ProcessTracer.start(held.pid, { stopTimeoutMs: 5000 });
    for (let i = 0; i < 50; i++) {
      expect(movedDuringStop(tracer, counters)).toEqual([]);
      const before = countersOf(target.pid, counters);
      // oxlint-disable-next-line no-await-in-loop -- one stop after the other
      await until(
        () => countersOf(target.pid, counters).every((count, n) => n >= 4 || count > (before[n] ?? 0n)),
        'they go on',
      );
    }
  });

  test('one that is born when all others are attached, and not yet stopped', async () => {
    const { target, counters } = await start('many', '0');
    await using held = target;
    const tracer = TracerProcess.spawn(held.pid, LIMITS);
    holdAt(tracer, 'seized');
    target.tell('x');
    await until(() => tidsOf(target.pid).length === 2, 'it is born');
    tracer.send(COMMAND.continue, 0);
    expect(tracer.receive(ANSWER_MS).reply).toMatchObject({ failure: 0, threadCount: 2 });
    const before = countersOf(target.pid, counters);
    expect(countersOf(target.pid, counters)).toEqual(before);
    tracer.close();
    await until(() => (countersOf(target.pid, counters)[0] ?? 0n) > (before[0] ?? 0n), 'it goes on');
  });

  // Attaching waits for that, and that for us; and the thread that does it changes its number.
  test('that execute another program all the time', async () => {
    await using target = targets.start('threads', ['exec', '100']);
    using tracer = ProcessTracer.start(target.pid, { stopTimeoutMs: 5000 });
    let over = false;
    void target.line().then(() => (over = true));
    let stops = 0;
    await until(() => {
      if (over) return true;
      cycle(tracer);
      stops++;
      return false;
    }, 'it has executed the last');
    expect(stops).toBeGreaterThan(0);
  });

  test('where the first has ended', async () => {
    const { target } = await start('leader');
    await using held = target;
    await until(() => statusOf(held.pid, 'State').startsWith('Z'), 'it has ended');
    using tracer = ProcessTracer.start(target.pid);
    for (let i = 0; i < 10; i++) {
      const stopped = tracer.stop();
      expect(stopped.threads).toHaveLength(1);
      closeFd(tracer.makeUserfaultfd());
      tracer.resume();
    }
  });

  test('whose process ends meanwhile', async () => {
    let stops = 0;
    for (let round = 0; round < 15; round++) {
      // oxlint-disable-next-line no-await-in-loop -- one process after the other
      stops += await stopWhileExiting();
    }
    expect(stops).toBeGreaterThan(0);
  });

  test('whose process is killed while it is stopped', async () => {
    const { target } = await start('many', '20');
    await using held = target;
    using tracer = ProcessTracer.start(held.pid);
    tracer.stop();
    target.child.kill('SIGKILL');
    expect(await target.ended).toBe('SIGKILL');
    expect(() => tracer.makeUserfaultfd()).toThrow(expect.objectContaining({ code: 'exited' }));
    tracer.resume();
  });
});

/** Returns how often it could be stopped before it ended, as it should, with its own status. */
async function stopWhileExiting(): Promise<number> {
  const { target } = await start('exit');
  await using held = target;
  using tracer = ProcessTracer.start(held.pid, { stopTimeoutMs: 5000 });
  let stops = 0;
  let ended = false;
  void target.ended.then(() => (ended = true));
  try {
    await until(() => {
      if (ended) return true;
      cycle(tracer);
      stops++;
      return false;
    }, 'it ends');
  } catch (error) {
    if (!(error instanceof TraceError) || error.code !== 'exited') throw error;
  }
  expect(await target.ended).toBe(EXIT_STATUS);
  return stops;
}
