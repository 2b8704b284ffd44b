import { type Limiter, none } from '@stillframe/limiter';
import { memorySink, nullSink, type SnapshotRun, takeSnapshot } from '@stillframe/snapshot';
import { type SimulatedClock, simulatedClock, SimulatedGuest } from '@stillframe/snapshot/simulated';
import { expect, test } from 'vitest';
import { answer } from '../../src/control/answer.ts';
import { Steering } from '../../src/control/steering.ts';
import { makeLimiter } from '../../src/options/limiter-choice.ts';
import { keepingContext, type Line } from '../read-side/run-command.ts';

async function steering(setting = 'token-bucket,rate=256KiB/s,burst=64KiB') {
  const { context, written } = keepingContext();
  const wheel = new Steering(await makeLimiter(setting, '/'), context.report(true));
  const events = () =>
    written.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Line => JSON.parse(line));
  return { wheel, events, written };
}

/** 64 pages, swept at 64 pages a second when nobody changes anything. */
function start(wheel: Steering): { run: SnapshotRun; clock: SimulatedClock } {
  const clock = simulatedClock({ autoAdvance: true });
  const guest = new SimulatedGuest({ clock, regions: [{ pageCount: 128 }] });
  const { limiter } = wheel;
  const capture = { preImagesMaxBytes: 2 ** 24, overflow: 'stall' } as const;
  const run = takeSnapshot({ guest, sink: nullSink(), limiter, capture, clock, signal: wheel.signal });
  wheel.follow(run, limiter);
  return { run, clock };
}

const ask = (wheel: Steering, request: object) => answer(JSON.stringify(request), wheel);

test('a status before, while and after', async () => {
  const { wheel } = await steering('none');
  const before = await ask(wheel, { command: 'status' });
  expect(before).toMatchObject({
    ok: true,
    command: 'status',
    pid: process.pid,
    state: 'waiting',
    paused: false,
    limiter: { name: 'none', setting: 'none' },
  });
  expect(before).not.toHaveProperty('progress');
  const { run } = start(wheel);
  expect(await ask(wheel, { command: 'status' })).toMatchObject({ state: 'running', progress: { pages: 0 } });
  await run.result;
  expect(await ask(wheel, { command: 'status' })).toMatchObject({
    state: 'done',
    progress: { takenPages: 128 },
  });
});

test('another limiter goes to the run, and is told', async () => {
  const { wheel, events, written } = await steering();
  const { run, clock } = start(wheel);
  await clock.after(500);
  expect(await ask(wheel, { command: 'set-limiter', limiter: 'none' })).toMatchObject({
    ok: true,
    limiter: { name: 'none', setting: 'none' },
  });
  expect((await run.result).limiter.name).toBe('none');
  expect(events()).toEqual([{ type: 'limiter-set', by: 'control', limiter: 'none', setting: 'none' }]);
  expect(written.stderr).toBe('the limiter is none now (set through the control socket)\n');
});

test('a mapping as well as the shorthand', async () => {
  const { wheel } = await steering();
  const limiter = { name: 'token-bucket', rate: '1MiB/s' };
  expect(await ask(wheel, { command: 'set-limiter', limiter })).toMatchObject({
    limiter: { setting: limiter },
  });
});

test('a limiter that is chosen before the run begins is the one to begin with', async () => {
  const { wheel } = await steering();
  await ask(wheel, { command: 'set-limiter', limiter: 'none' });
  expect((await start(wheel).run.result).limiter).toMatchObject({ name: 'none' });
});

test('a limiter that is chosen while the run starts is given to it', async () => {
  const { wheel } = await steering();
  const before = wheel.limiter;
  wheel.setLimiter(await makeLimiter('none', '/'), 'control');
  const clock = simulatedClock({ autoAdvance: true });
  const guest = new SimulatedGuest({ clock, regions: [{ pageCount: 8 }] });
  const capture = { preImagesMaxBytes: 2 ** 24, overflow: 'stall' } as const;
  const sink = memorySink({ maxBytes: 2 ** 20 });
  const run = takeSnapshot({ guest, sink, limiter: before, capture, clock });
  wheel.follow(run, before);
  expect((await run.result).limiter.name).toBe('none');
});

test.for<[string, object, string, number]>([
  ['an unknown name', { command: 'set-limiter', limiter: 'token-bukket' }, 'LIMITER_UNKNOWN_NAME', 2],
  [
    'a wrong option',
    { command: 'set-limiter', limiter: { name: 'none', x: 1 } },
    'LIMITER_UNKNOWN_OPTION',
    2,
  ],
  ['an unknown command', { command: 'sttus' }, 'USAGE', 2],
])('%s changes nothing and says why', async ([, request, code, exitCode]) => {
  const { wheel, events } = await steering();
  const { run } = start(wheel);
  const failure = await ask(wheel, request);
  expect(failure).toMatchObject({ ok: false, code, exitCode, message: expect.stringMatching(/.+/) });
  expect(failure).toMatchObject({ hint: expect.stringMatching(/.+/) });
  expect((await run.result).limiter.name).toBe('token-bucket');
  expect(events()).toEqual([]);
});

test('a limiter that cannot be used changes nothing and says why', async () => {
  const { wheel, events } = await steering();
  const { run, clock } = start(wheel);
  await clock.after(500);
  const broken: Limiter<null> = {
    ...none(),
    step: () => {
      throw new Error('out of tokens');
    },
  };
  const { source } = wheel;
  expect(() => wheel.setLimiter({ limiter: broken, setting: 'broken', directory: '/' }, 'control')).toThrow(
    'out of tokens',
  );
  expect(wheel.source).toEqual(source);
  expect((await run.result).limiter.name).toBe('token-bucket');
  expect(events()).toEqual([]);
});

test('the sweep is paused and goes on', async () => {
  const { wheel, events } = await steering('none');
  expect(await ask(wheel, { command: 'pause' })).toMatchObject({ ok: true, paused: true, state: 'waiting' });
  const { run, clock } = start(wheel);
  await clock.after(5000);
  expect(await ask(wheel, { command: 'pause' })).toMatchObject({ paused: true, progress: { takenPages: 0 } });
  expect(await ask(wheel, { command: 'resume' })).toMatchObject({ paused: false });
  await run.result;
  expect(events()).toEqual([
    { type: 'sweep', state: 'paused', by: 'control' },
    { type: 'sweep', state: 'going', by: 'control' },
  ]);
});

test('a cancelled run ends, with a reason of its own', async () => {
  const { wheel, events } = await steering();
  const { run, clock } = start(wheel);
  await clock.after(500);
  expect(await ask(wheel, { command: 'cancel' })).toMatchObject({ ok: true });
  await expect(run.result).rejects.toMatchObject({ code: 'aborted', cause: { code: 'CANCELLED' } });
  expect(events()).toEqual([{ type: 'cancel', by: 'control' }]);
});

test.for([
  { command: 'set-limiter', limiter: 'none' },
  { command: 'pause' },
  { command: 'resume' },
  { command: 'cancel' },
])('$command after the end is refused', async (request) => {
  const { wheel, events } = await steering('none');
  await start(wheel).run.result;
  expect(await ask(wheel, request)).toMatchObject({ ok: false, code: 'REFUSED', exitCode: 15 });
  expect(events()).toEqual([]);
});

test('between two pictures of a series what is said is for the next one', async () => {
  const { wheel } = await steering('none');
  wheel.expectMore(true);
  await start(wheel).run.result;
  expect(await ask(wheel, { command: 'status' })).toMatchObject({ state: 'running' });
  const limiter = 'token-bucket,rate=1MiB/s';
  expect(await ask(wheel, { command: 'set-limiter', limiter })).toMatchObject({ ok: true });
  wheel.expectMore(false);
  expect((await start(wheel).run.result).limiter.name).toBe('token-bucket');
  expect(await ask(wheel, { command: 'status' })).toMatchObject({ state: 'done' });
  expect(await ask(wheel, { command: 'cancel' })).toMatchObject({ ok: false });
});

test('a series can be cancelled between two pictures', async () => {
  const { wheel } = await steering('none');
  wheel.expectMore(true);
  await start(wheel).run.result;
  expect(await ask(wheel, { command: 'cancel' })).toMatchObject({ ok: true });
  expect(wheel.signal.aborted).toBe(true);
});
