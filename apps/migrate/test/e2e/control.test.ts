import { createReadStream } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import path from 'node:path';
import type { Limiter } from '@stillframe/limiter';
import { readTrace, type TraceEntry, type TraceStep } from '@stillframe/snapshot/trace';
import { expect, test } from 'vitest';
import { makeLimiter } from '../../src/options/limiter-choice.ts';
import { type Child, type Exit, type Line, migrate, startDest, startSource } from './child.ts';
import { makeFolder } from './folder.ts';
import { expectGuestGoesOn } from './survive.ts';
import { needUserfaultfd } from './userfaultfd.ts';

/** Would take two minutes if nobody steered it. */
const WORKLOAD = 'counter,size=16MiB,rate=100';
const SLOW = ['--limiter', 'token-bucket,rate=128KiB/s,burst=64KiB'];

/** Starts `migrate snapshot` of a workload with hardly any load before and after it. */
function startSnapshot(image: string, workload: string, ...args: readonly string[]): Child {
  const around = ['--before-ms', '20', '--after-ms', '0'];
  return migrate('snapshot', '--out', image, '--workload', workload, ...around, ...args);
}

async function startSlow(...args: readonly string[]) {
  const folder = await makeFolder();
  const socket = path.join(folder, 'c.sock');
  const image = path.join(folder, 'image.sfp');
  const child = startSnapshot(image, WORKLOAD, ...SLOW, '--control', socket, ...args);
  return { child, folder, socket, image };
}

const ctl = (socket: string, ...args: readonly string[]): Promise<Exit> =>
  migrate('ctl', socket, ...args).exit;

test('a snapshot is paused, re-tuned and let go, and its image is right', async (context) => {
  needUserfaultfd(context);
  const { child, socket, image, folder } = await startSlow('--verify');
  await child.line('phase', { phase: 'stream' });
  expect((await stat(socket)).mode & 0o777).toBe(0o600);
  expect(await ctl(socket, 'status')).toMatchObject({
    code: 0,
    lines: [{ ok: true, state: 'running', limiter: { name: 'token-bucket' } }, { outcome: 'done' }],
  });
  expect(await ctl(socket, 'pause')).toMatchObject({ code: 0, lines: [{ paused: true }, {}] });
  const set = await ctl(socket, 'set-limiter', 'token-bucket,rate=1GiB/s');
  expect(set).toMatchObject({ code: 0, lines: [{ limiter: { setting: 'token-bucket,rate=1GiB/s' } }, {}] });
  const before = child.lines.length;
  const paused = await child.line('progress', {}, before);
  expect(paused).toMatchObject({ progress: { limiter: { isHeld: true, reason: 'paused' } } });
  const later = await child.line('progress', {}, child.lines.length);
  // Only what the guest writes to is captured meanwhile.
  expect(sweptOf(later)).toBe(sweptOf(paused));
  expect(await ctl(socket, 'resume')).toMatchObject({ code: 0, lines: [{ paused: false }, {}] });
  const done = await child.exit;
  expect(done).toMatchObject({
    code: 0,
    summary: { outcome: 'done', verified: true, limiter: 'token-bucket' },
  });
  expect(done.lines).toContainEqual(
    expect.objectContaining({ type: 'sweep', state: 'paused', by: 'control' }),
  );
  expect(done.lines).toContainEqual(
    expect.objectContaining({ type: 'limiter-set', by: 'control', setting: 'token-bucket,rate=1GiB/s' }),
  );
  expect(await readdir(folder)).toEqual([path.basename(image)]);
});

function sweptOf(line: Line): unknown {
  const { progress } = line;
  return typeof progress === 'object' && progress !== null && 'sweptPages' in progress
    ? progress.sweptPages
    : undefined;
}

test('a snapshot is cancelled: the guest goes on, nothing is kept', async (context) => {
  needUserfaultfd(context);
  const { child, socket, folder } = await startSlow();
  await child.line('phase', { phase: 'stream' });
  expect(await ctl(socket, 'cancel')).toMatchObject({ code: 0 });
  const cancelled = await child.exit;
  expect(cancelled).toMatchObject({ code: 14, summary: { outcome: 'not-converged', verified: false } });
  expect(cancelled.lines).toContainEqual(expect.objectContaining({ type: 'error', code: 'CANCELLED' }));
  expectGuestGoesOn(cancelled);
  expect(await readdir(folder)).toEqual([]);
});

test('a source is cancelled before the picture has begun', async () => {
  const socket = path.join(await makeFolder(), 'c.sock');
  const dest = await startDest('--once');
  const source = startSource(dest.to, 'counter,size=2MiB', '--control', socket, '--before-ms', '60000');
  await source.line('workload', { state: 'running' });
  expect(await ctl(socket, 'status')).toMatchObject({ lines: [{ state: 'waiting' }, {}] });
  expect(await ctl(socket, 'cancel')).toMatchObject({ code: 0 });
  expect(await source.exit).toMatchObject({ code: 14 });
});

test('a limiter that is wrong changes nothing, and a client that goes in the middle of a line harms nothing', async (context) => {
  needUserfaultfd(context);
  const { child, socket } = await startSlow();
  await child.line('phase', { phase: 'stream' });
  const wrong = await ctl(socket, 'set-limiter', 'token-bukket');
  expect(wrong).toMatchObject({ code: 2, summary: { outcome: 'usage' } });
  expect(wrong.stderr).toContain('LIMITER_UNKNOWN_NAME');
  const half = createConnection(socket);
  half.write('{"command":"cancel"');
  half.destroy();
  expect(await ctl(socket, 'status')).toMatchObject({ lines: [{ limiter: { name: 'token-bucket' } }, {}] });
  expect(await ctl(socket, 'set-limiter', '{"name":"none"}')).toMatchObject({ code: 0 });
  expect(await child.exit).toMatchObject({ code: 0, summary: { limiter: 'none' } });
});

test('nobody to steer', async () => {
  const folder = await makeFolder();
  expect(await ctl(path.join(folder, 'c.sock'), 'status')).toMatchObject({
    code: 11,
    summary: { outcome: 'peer-lost' },
  });
});

test('a control socket that somebody has, or that is no socket, is refused before anything starts', async () => {
  const folder = await makeFolder();
  const file = path.join(folder, 'file');
  await writeFile(file, 'mine');
  const refused = await startSnapshot(path.join(folder, 'image.sfp'), WORKLOAD, '--control', file).exit;
  expect(refused).toMatchObject({ code: 15, summary: { outcome: 'refused' } });
  expect(refused.lines.map(({ type }) => type)).toEqual(['error', 'summary']);
  expect(await readFile(file, 'utf8')).toBe('mine');
});

test('SIGHUP reads the limiter of the config file again; a wrong file changes nothing', async (context) => {
  needUserfaultfd(context);
  const folder = await makeFolder();
  const config = path.join(folder, 'policy.yaml');
  await writeFile(config, 'limiter: { name: token-bucket, rate: 128KiB/s, burst: 64KiB }');
  const child = startSnapshot(path.join(folder, 'image.sfp'), WORKLOAD, '--config', config);
  await child.line('phase', { phase: 'stream' });
  await writeFile(config, 'limiter: { name: token-bukket }');
  child.kill('SIGHUP');
  expect(await child.line('warning')).toMatchObject({ message: expect.stringContaining('token-bukket') });
  await writeFile(config, '{ limiter: none, preImages: { maxBytes: 1MiB } }');
  child.kill('SIGHUP');
  expect(await child.line('limiter-set')).toMatchObject({ by: 'reload', limiter: 'none' });
  const done = await child.exit;
  expect(done).toMatchObject({ code: 0, summary: { limiter: 'none' } });
  expect(done.lines).toContainEqual(expect.objectContaining({ type: 'warning', code: 'CONFIG_FIXED' }));
});

test('without a config file SIGHUP ends the snapshot, as ever', async (context) => {
  needUserfaultfd(context);
  const { child } = await startSlow();
  await child.line('phase', { phase: 'stream' });
  child.kill('SIGHUP');
  expect(await child.exit).toMatchObject({ code: 129, summary: { outcome: 'interrupted' } });
});

test('a trace has every decision of a real run, from which it can be made again', async (context) => {
  needUserfaultfd(context);
  const trace = path.join(await makeFolder(), 'trace.jsonl');
  const { child, socket } = await startSlow('--trace', trace);
  await child.line('phase', { phase: 'stream' });
  await ctl(socket, 'pause');
  await ctl(socket, 'set-limiter', 'token-bucket,rate=8MiB/s');
  await ctl(socket, 'resume');
  const { summary } = await child.exit;
  expect(summary).toMatchObject({ outcome: 'done' });
  const { header, entries } = await readTrace(createReadStream(trace));
  expect(header).toMatchObject({ pageSize: 4096, pageCount: 4096, guest: { workload: WORKLOAD } });
  const all = await collect(entries);
  const steps = all.filter((entry): entry is TraceStep => entry.type === 'step');
  expect(all.at(-1)).toEqual({ type: 'end', outcome: 'done', steps: steps.length, missing: 0 });
  expect(summary).toMatchObject({ limiterSteps: steps.length });
  expect(steps.some(({ isHeld }) => isHeld)).toBe(true);
  expect(steps.flatMap(({ began }) => (began === undefined ? [] : [began.by]))).toEqual(['initial', 'adopt']);
  expect(await madeAgain(steps)).toEqual(steps.map(({ grant }) => grant));
});

/** What the limiters of the steps decide on what they were told. */
async function madeAgain(steps: readonly TraceStep[]): Promise<unknown[]> {
  let limiter: Limiter | undefined;
  let state: unknown;
  const grants: unknown[] = [];
  for (const { began, observation } of steps) {
    if (began !== undefined) {
      // oxlint-disable-next-line no-await-in-loop -- twice
      ({ limiter } = await makeLimiter(began.setting, began.directory));
      state = began.by === 'initial' ? limiter.initial(began.atNs) : limiter.adopt?.(state, began.atNs);
    }
    const step = limiter!.step(state, observation);
    ({ state } = step);
    grants.push(step.grant);
  }
  return grants;
}

async function collect(entries: AsyncIterable<TraceEntry>): Promise<TraceEntry[]> {
  const all: TraceEntry[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}

test('a trace whose disk is full ends with a warning, and the snapshot goes on', async (context) => {
  needUserfaultfd(context);
  const image = path.join(await makeFolder(), 'image.sfp');
  const done = await startSnapshot(image, 'counter,size=4MiB,rate=100', '--verify', '--trace', '/dev/full')
    .exit;
  expect(done).toMatchObject({ code: 0, summary: { outcome: 'done', verified: true } });
  const warnings = done.lines.filter(({ type }) => type === 'warning');
  expect(warnings).toMatchObject([{ code: 'ENOSPC', message: expect.stringContaining('/dev/full') }]);
  expect(done.stderr).toContain('the snapshot goes on');
});

test('a trace that cannot be opened is told before anything starts', async () => {
  const folder = await makeFolder();
  const trace = path.join(folder, 'nowhere', 'trace.jsonl');
  const refused = await startSnapshot(path.join(folder, 'image.sfp'), WORKLOAD, '--trace', trace).exit;
  expect(refused).toMatchObject({ code: 16 });
  expect(refused.lines.map(({ type }) => type)).toEqual(['error', 'summary']);
});

test('a real sink that stalls is told to the limiter while it stalls, with what waits in the store', async (context) => {
  needUserfaultfd(context);
  const folder = await makeFolder();
  const [socket, trace] = [path.join(folder, 'c.sock'), path.join(folder, 'trace.jsonl')];
  const dest = await startDest('--once');
  const load = 'counter,size=64MiB,rate=2000';
  const slow = ['--limiter', 'token-bucket,rate=32MiB/s'];
  const source = startSource(dest.to, load, ...slow, '--control', socket, '--trace', trace);
  await source.line('phase', { phase: 'stream' });
  dest.child.kill('SIGSTOP');
  // The connection takes some MiB before a write stalls.
  for (let from = 0, stalledMs = 0; stalledMs < 1000; from = source.lines.length) {
    // oxlint-disable-next-line no-await-in-loop -- until a write has stalled for so long
    const line = await source.line('progress', {}, from);
    stalledMs = longestWriteMs(line);
  }
  dest.child.kill('SIGCONT');
  expect(await source.exit).toMatchObject({ code: 0, summary: { verified: true } });
  const { entries } = await readTrace(createReadStream(trace));
  const steps = (await collect(entries)).filter((entry): entry is TraceStep => entry.type === 'step');
  const observations = steps.map(({ observation }) => observation);
  // The three before the one that saw it longest: of the same stall.
  const longestNs = Math.max(...observations.map(({ sink }) => sink.longestWriteNs));
  const at = observations.findIndex(({ sink }) => sink.longestWriteNs === longestNs);
  const during = observations.slice(at - 3, at);
  const longest = during.map(({ sink }) => sink.longestWriteNs);
  expect(longest[2]! - longest[0]!).toBe(during[2]!.nowNs - during[0]!.nowNs);
  const oldest = during.map(({ preImages }) => preImages.sojourn?.oldestNs ?? 0);
  expect(oldest[2]! - oldest[0]!).toBe(during[2]!.nowNs - during[0]!.nowNs);
  // What is being written and what is encoded behind it, at the least.
  for (const { preImages, sink } of during) expect(preImages.bytes).toBeGreaterThan(sink.backlogBytes / 2);
  const writes = observations.map(({ guestWritePagesPerSecond = 0 }) => guestWritePagesPerSecond);
  expect(Math.max(...writes)).toBeGreaterThan(100);
});

function longestWriteMs({ progress }: Line): number {
  const sink =
    typeof progress === 'object' && progress !== null && 'sink' in progress ? progress.sink : undefined;
  const isSink = typeof sink === 'object' && sink !== null && 'longestWriteMs' in sink;
  return isSink ? Number(sink.longestWriteMs) : 0;
}

const MODULE = `
export default {
  name: 'mine',
  initial: () => null,
  step: (state, { nowNs, pagesLeft }) => ({
    state,
    grant: { pages: pagesLeft, notBeforeNs: nowNs, wakeOnFault: false, reason: 'as I like' },
  }),
};
`;

test('a limiter of a user: from the config file, and through the socket from where the client is', async (context) => {
  needUserfaultfd(context);
  const { child, socket, folder } = await startSlow();
  await writeFile(path.join(folder, 'mine.mjs'), MODULE);
  await child.line('phase', { phase: 'stream' });
  const file = path.join(folder, 'mine.mjs');
  expect(await ctl(socket, 'set-limiter', 'module,path=nowhere.mjs')).toMatchObject({ code: 2 });
  expect(await ctl(socket, 'set-limiter', `module,path=${file}`)).toMatchObject({ code: 0 });
  expect(await child.exit).toMatchObject({ code: 0, summary: { limiter: 'mine' } });
  const config = path.join(folder, 'policy.yaml');
  await writeFile(config, 'limiter: { name: module, path: ./mine.mjs }');
  const again = startSnapshot(path.join(folder, 'again.sfp'), 'counter,size=2MiB', '--config', config);
  expect(await again.exit).toMatchObject({ code: 0, summary: { limiter: 'mine' } });
});
