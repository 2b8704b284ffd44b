import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { ProcessTracer } from '../src/index.ts';
import { COMMAND, FAILURES, STEP, type StepName } from '../src/trace/protocol.ts';
import { TracerProcess } from '../src/trace/tracer-process.ts';
import { lacks, lacksUffd } from './kernel.ts';
import { Stage } from './stage.ts';
import { ANSWER_MS, holdAt, LIMITS } from './trace/hold.ts';
import { belongings, lacksCompiler, statusOf, type Target, Targets, until } from './trace/target.ts';

// The target survives: whoever is killed, and wherever the tracer is just then.

const targets = new Targets();
const stage = new Stage();
afterAll(() => {
  targets[Symbol.dispose]();
  stage[Symbol.dispose]();
});
const NOBODY = 65_534;
const LONG_MS = 60_000;

const unprivileged = lacks(process.getuid?.() === 0, 'only root may start processes of other users');
const elsewhere = lacks(
  process.arch === 'x64',
  'the target that looks at its registers is for x86_64',
  false,
);
const cannot = unprivileged || elsewhere || lacksUffd() || lacksCompiler();

/** All places, and whether the target is one that must be lent the device. */
const PLACES: readonly [step: StepName, lent: boolean][] = [
  ['seized', false],
  ['standing', false],
  ['injecting', false],
  ['userfaultfdMade', false],
  ['userfaultfdTaken', false],
  ['userfaultfdClosed', false],
  ['scratchMapped', true],
  ['socketsMade', true],
  ['deviceSent', true],
  ['deviceReceived', true],
  ['userfaultfdMade', true],
  ['restored', true],
];

/** Looks at its own registers all the time, see targets/registers.c. */
async function lookingAtItself(lent: boolean): Promise<Target> {
  const target = targets.start('registers', [], lent ? { uid: NOBODY } : {});
  expect(await target.line()).toBe('ready');
  return target;
}

/** How often it found its registers right; none when once they were wrong. */
async function rightRounds(target: Target): Promise<number> {
  target.child.stdin?.end();
  return Number(await target.line());
}

/** A process of ours that holds its tracer at that step. */
function holder(pid: number, step: StepName): ChildProcess {
  const module = (name: string) =>
    pathToFileURL(path.join(stage.folder, 'node_modules/@stillframe/uffd/src/trace', name)).href;
  const script = stage.script(
    'holder.mjs',
    `import { COMMAND, STEP } from '${module('protocol.js')}';
     import { TracerProcess } from '${module('tracer-process.js')}';
     const [pid, step] = process.argv.slice(2);
     const tracer = TracerProcess.spawn(Number(pid), ${JSON.stringify(LIMITS)});
     const making = STEP[step] > STEP.standing;
     tracer.request(COMMAND.pauseAt, STEP[step], ${ANSWER_MS});
     if (making) tracer.request(COMMAND.stop, 1, ${ANSWER_MS});
     tracer.send(making ? COMMAND.makeUserfaultfd : COMMAND.stop, 0);
     console.log(tracer.receive(${ANSWER_MS}).reply.step, tracer.tracerPid);
     setInterval(() => tracer, ${LONG_MS});`,
  );
  return spawn(process.execPath, [script, String(pid), step], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout !== null) for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('it said nothing');
}

/** Ended, whether or not somebody has taken notice. */
const hasEnded = (pid: number) => !existsSync(`/proc/${pid}`) || statusOf(pid, 'State').startsWith('Z');

const isFree = (pid: number) => () => statusOf(pid, 'TracerPid') === '0';

describe.skipIf(cannot)('we are killed while the tracer is at', () => {
  test.each(PLACES)('%s (device: %s)', async (step, lent) => {
    await using target = await lookingAtItself(lent);
    const before = belongings(target.pid);
    const us = holder(target.pid, step);
    const [at, tracerPid] = (await firstLine(us)).split(' ').map(Number);
    expect(at).toBe(STEP[step]);
    expect(statusOf(target.pid, 'TracerPid')).toBe(String(tracerPid));
    us.kill('SIGKILL');
    await until(isFree(target.pid), 'it is let go');
    await until(() => hasEnded(tracerPid ?? 0), 'the tracer ends');
    expect(belongings(target.pid)).toEqual(before);
    expect(await rightRounds(target)).toBeGreaterThan(0);
  });
});

const INJECTED = PLACES.filter(([step]) => STEP[step] >= STEP.injecting);

describe.skipIf(cannot)('making a userfaultfd fails at', () => {
  test.each(INJECTED)('%s (device: %s)', async (step, lent) => {
    await using target = await lookingAtItself(lent);
    const before = belongings(target.pid);
    const tracer = TracerProcess.spawn(target.pid, LIMITS);
    holdAt(tracer, step);
    tracer.send(COMMAND.continue, 1);
    const { reply, fd } = tracer.receive(ANSWER_MS);
    expect([FAILURES[reply.failure], fd]).toEqual(['injection-failed', null]);
    tracer.request(COMMAND.resume, 0, ANSWER_MS);
    expect(belongings(target.pid)).toEqual(before);
    tracer.close();
    expect(await rightRounds(target)).toBeGreaterThan(0);
  });
});

describe.skipIf(cannot)('the target is killed while the tracer is at', () => {
  test.each(PLACES)('%s (device: %s)', async (step, lent) => {
    await using target = await lookingAtItself(lent);
    const tracer = TracerProcess.spawn(target.pid, LIMITS);
    holdAt(tracer, step);
    target.child.kill('SIGKILL');
    tracer.send(COMMAND.continue, 0);
    // Whether the death is noticed before the answer is nobody's promise.
    tracer.receive(ANSWER_MS);
    expect(await target.ended).toBe('SIGKILL');
    tracer.close();
    await until(() => hasEnded(tracer.tracerPid), 'the tracer ends');
  });
});

/** Goes on after the signal came at that step. */
async function resumedAfter(signal: NodeJS.Signals, step: StepName, lent: boolean): Promise<Target> {
  const target = await lookingAtItself(lent);
  const tracer = TracerProcess.spawn(target.pid, LIMITS);
  holdAt(tracer, step);
  target.child.kill(signal);
  tracer.send(COMMAND.continue, 0);
  const { reply } = tracer.receive(ANSWER_MS);
  expect(FAILURES[reply.failure]).toBeUndefined();
  tracer.request(COMMAND.resume, 0, ANSWER_MS);
  tracer.close();
  return target;
}

// As if we had never been: the first cannot be blocked, the second is not, because the kernel itself may raise it.
describe.skipIf(cannot)('a signal comes while the tracer is at', () => {
  test.each(INJECTED)('%s (device: %s): it stops', async (step, lent) => {
    await using target = await resumedAfter('SIGSTOP', step, lent);
    await until(() => statusOf(target.pid, 'State').startsWith('T'), 'it is stopped');
    target.child.kill('SIGCONT');
    expect(await rightRounds(target)).toBeGreaterThan(0);
  });

  test.each(INJECTED)('%s (device: %s): it dies', async (step, lent) => {
    await using target = await resumedAfter('SIGSEGV', step, lent);
    expect(await target.ended).toBe('SIGSEGV');
  });
});

describe.skipIf(cannot)('the target runs on', () => {
  test('when we say nothing for too long, and we are told', async () => {
    await using target = await lookingAtItself(false);
    using tracer = ProcessTracer.start(target.pid, { stoppedMaxMs: 50 });
    tracer.stop();
    await until(isFree(target.pid), 'it is let go');
    expect(() => tracer.makeUserfaultfd()).toThrow(expect.objectContaining({ code: 'stopped-too-long' }));
    expect(await rightRounds(target)).toBeGreaterThan(0);
  });

  test('when the tracer is killed, and we are told', async () => {
    await using target = await lookingAtItself(false);
    const tracer = TracerProcess.spawn(target.pid, LIMITS);
    tracer.request(COMMAND.stop, 1, ANSWER_MS);
    process.kill(tracer.tracerPid, 'SIGKILL');
    expect(() => tracer.request(COMMAND.makeUserfaultfd, 0, ANSWER_MS)).toThrow(
      expect.objectContaining({ code: 'tracer-lost' }),
    );
    await until(isFree(target.pid), 'it is let go');
    expect(await rightRounds(target)).toBeGreaterThan(0);
  });

  test('when Ctrl-C and the like are meant for us', async () => {
    await using target = await lookingAtItself(false);
    const tracer = TracerProcess.spawn(target.pid, LIMITS);
    tracer.request(COMMAND.stop, 1, ANSWER_MS);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGTSTP'] as const) {
      process.kill(tracer.tracerPid, signal);
    }
    tracer.request(COMMAND.resume, 0, ANSWER_MS);
    tracer.close();
    expect(await rightRounds(target)).toBeGreaterThan(0);
  });

  test.each([
    ['forget the tracer', 'gc(); setTimeout(() => { gc(); }, 1); setInterval(() => {}, 1e6);'],
    ['exit', 'process.exit(0);'],
    ['end', ''],
  ])('when we %s', async (_, ending) => {
    await using target = await lookingAtItself(false);
    const script = stage.script(
      'ending.mjs',
      `import { ProcessTracer } from '@stillframe/uffd';
       (() => ProcessTracer.start(${target.pid}).stop())();
       console.log('stopped');
       ${ending}`,
    );
    const us = spawn(process.execPath, ['--expose-gc', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      expect(await firstLine(us)).toBe('stopped');
      await until(isFree(target.pid), 'it is let go');
      expect(await rightRounds(target)).toBeGreaterThan(0);
    } finally {
      us.kill('SIGKILL');
    }
  });
});
