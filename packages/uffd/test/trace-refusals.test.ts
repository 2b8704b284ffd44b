import { afterAll, describe, expect, test, type TestContext } from 'vitest';
import { ProcessTracer, type TraceErrorCode } from '../src/index.ts';
import { lacks, lacksUffd, skip } from './kernel.ts';
import { Stage } from './stage.ts';
import { cycle } from './trace/cycle.ts';
import { belongings, lacksCompiler, statusOf, Target, Targets, until } from './trace/target.ts';

// What cannot be traced is told by a code, and left untouched.

const targets = new Targets();
afterAll(() => targets[Symbol.dispose]());
/** No process has it: above the kernel's PID_MAX_LIMIT of 2^22. */
const NO_PID = 2 ** 22 + 1;
const NOBODY = 65_534;
const unprivileged = lacks(process.getuid?.() === 0, 'only root may start processes of other users');

const refusal = (code: TraceErrorCode) =>
  expect.objectContaining({ name: 'TraceError', code, hint: expect.stringMatching(/./) });

describe('arguments', () => {
  test('a process that does not exist', () => {
    expect(() => ProcessTracer.start(NO_PID)).toThrow(refusal('no-such-process'));
  });

  test('a process cannot trace itself', () => {
    expect(() => ProcessTracer.start(process.pid)).toThrow(RangeError);
  });

  test('limits have bounds', () => {
    for (const options of [
      { stopTimeoutMs: 0 },
      { stopTimeoutMs: 60_001 },
      { stoppedMaxMs: 0 },
      { stoppedMaxMs: 600_001 },
    ]) {
      expect(() => ProcessTracer.start(process.ppid, options)).toThrow(RangeError);
    }
    for (const options of [
      { stopTimeoutMs: 1, stoppedMaxMs: 1 },
      { stopTimeoutMs: 60_000, stoppedMaxMs: 600_000 },
    ]) {
      ProcessTracer.start(process.ppid, options).close();
    }
  });
});

describe.skipIf(lacksUffd() || lacksCompiler())('order', () => {
  test('stop, make and resume know their turn', async () => {
    await using target = targets.start('idle');
    await target.line();
    using tracer = ProcessTracer.start(target.pid);
    expect(() => tracer.makeUserfaultfd()).toThrow(TypeError);
    tracer.resume();
    tracer.stop();
    expect(() => tracer.stop()).toThrow(TypeError);
    expect(tracer.stopped).toBe(true);
    tracer.resume();
    tracer.resume();
    expect(tracer.stopped).toBe(false);
    tracer.stop();
    tracer.close();
    tracer.close();
    expect(() => tracer.stop()).toThrow(TypeError);
    expect(await target.ask('w')).toBe('ok');
  });
});

describe.skipIf(lacksUffd() || lacksCompiler())('a target that', () => {
  test('is traced already', async () => {
    await using target = targets.start('idle');
    await target.line();
    using first = ProcessTracer.start(target.pid);
    first.stop();
    using second = ProcessTracer.start(target.pid);
    expect(() => second.stop()).toThrow(refusal('already-traced'));
    first.resume();
    expect(await target.ask('w')).toBe('ok');
    using third = ProcessTracer.start(target.pid);
    cycle(third);
  });

  test('has ended', async () => {
    await using target = targets.start('idle');
    await target.line();
    using tracer = ProcessTracer.start(target.pid);
    target.child.kill('SIGKILL');
    await target.ended;
    expect(() => tracer.stop()).toThrow(refusal('exited'));
  });

  test('waits for a child of vfork', async () => {
    await using target = targets.start('idle');
    await target.line();
    target.tell('v\n');
    await until(() => statusOf(target.pid, 'State').startsWith('D'), 'it waits');
    using tracer = ProcessTracer.start(target.pid, { stopTimeoutMs: 50 });
    expect(() => tracer.stop()).toThrow(refusal('not-stopping'));
    await until(() => statusOf(target.pid, 'TracerPid') === '0', 'it is let go');
    expect(await target.ask('')).toBe('ok');
    expect(await target.ask('w')).toBe('ok');
  });

  test('is confined, also where its filter would kill it', async () => {
    await using target = targets.start('idle');
    await target.line();
    expect(await target.ask('s')).toBe('ok');
    using tracer = ProcessTracer.start(target.pid);
    tracer.stop();
    expect(() => tracer.makeUserfaultfd()).toThrow(refusal('seccomp'));
    tracer.resume();
    expect(await target.ask('w')).toBe('ok');
  });

  test('runs 32-bit code', async (context) => {
    const program = thirtyTwoBit(context);
    await using target = new Target(program, [], {});
    await until(() => statusOf(target.pid, 'State').startsWith('S'), 'it waits');
    using tracer = ProcessTracer.start(target.pid);
    expect(() => tracer.stop()).toThrow(refusal('thirty-two-bit'));
    await until(() => statusOf(target.pid, 'TracerPid') === '0', 'it is let go');
    // Not at once: its wait begins anew.
    await until(() => statusOf(target.pid, 'State').startsWith('S'), 'it waits again');
  });

  test.skipIf(unprivileged)('is another user’s, and we are nobody', async () => {
    await using target = targets.start('idle');
    await target.line();
    using stage = new Stage();
    const told = stage.run(
      `import { ProcessTracer } from '@stillframe/uffd';
       const tracer = ProcessTracer.start(${target.pid});
       try { tracer.stop(); } catch ({ code, hint }) { console.log(code, hint); }`,
      { uid: NOBODY },
    );
    expect(told).toMatch(/^not-permitted .*CAP_SYS_PTRACE/);
    expect(await target.ask('w')).toBe('ok');
  });
});

function thirtyTwoBit(context: TestContext): string {
  try {
    return targets.program('thirty_two', ['-m32', '-nostdlib', '-static', '-fno-pie', '-no-pie']);
  } catch {
    skip(context, 'the compiler makes no 32-bit programs');
    return '';
  }
}

describe.skipIf(unprivileged || lacksUffd() || lacksCompiler())('without descriptors', () => {
  test.each([
    ['by itself', {}, 0, 1],
    // Lent the device over a pair of sockets.
    ['with the device', { uid: NOBODY }, 1, 2],
  ])('%s', async (_, options, tooFew, enough) => {
    await using target = targets.start('idle', [], options);
    await target.line();
    expect(await target.ask(`f${enough}`)).toBe('ok');
    const before = belongings(target.pid);
    using tracer = ProcessTracer.start(target.pid);
    cycle(tracer);
    expect(belongings(target.pid)).toEqual(before);

    await using poorer = targets.start('idle', [], options);
    await poorer.line();
    expect(await poorer.ask(`f${tooFew}`)).toBe('ok');
    const had = belongings(poorer.pid);
    using second = ProcessTracer.start(poorer.pid);
    second.stop();
    expect(() => second.makeUserfaultfd()).toThrow(refusal('no-free-fd'));
    second.resume();
    expect(belongings(poorer.pid)).toEqual(had);
    expect(await poorer.ask('w')).toBe('ok');
  });
});
