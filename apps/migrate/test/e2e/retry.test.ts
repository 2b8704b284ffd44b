import path from 'node:path';
import { expect, test } from 'vitest';
import { migrate, startDest, startSource } from './child.ts';
import { type Cut, cuttingProxy } from './cutting-proxy.ts';
import { imagePlace, makeFolder } from './folder.ts';
import { expectGuestGoesOn, startSlowSource } from './survive.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const MIB = 1024 * 1024;
const LOAD = 'counter,size=24MiB,writers=1,rate=5000';

const CUTS: readonly Cut[] = [
  { from: 'source', atByte: 300, how: 'reset' },
  { from: 'source', atByte: 3 * MIB + 17, how: 'reset' },
  { from: 'source', atByte: 7 * MIB, how: 'end' },
  { from: 'destination', atByte: 240, how: 'end' },
  { from: 'destination', atByte: 400, how: 'reset' },
];

test.for(CUTS)('a link that breaks ($from, byte $atByte, $how) comes back', async (cut, context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once');
  const proxy = await cuttingProxy(dest.port, [cut]);
  const source = await startSource(proxy.to, LOAD, '--retry').exit;
  const received = await dest.child.exit;
  expect(source).toMatchObject({ code: 0, summary: { verified: true, reconnects: 1 } });
  expect(source.stderr).toMatch(/link lost \(.*\), trying again in .* ms/);
  expect(received).toMatchObject({
    code: 0,
    summary: { verified: true, digest: source.summary?.['digest'] },
  });
  expect(proxy.connections()).toBe(2);
  expect(await names()).toEqual(['image.sfp']);
});

test('a link that is cut again and again comes back each time', async (context) => {
  needUserfaultfd(context);
  const { image } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once');
  const cuts = [2, 5, 1, 7].map((mib, at): Cut => ({ from: 'source', atByte: mib * MIB + at, how: 'reset' }));
  const proxy = await cuttingProxy(dest.port, cuts);
  const source = await startSource(proxy.to, LOAD, '--retry').exit;
  expect(source).toMatchObject({ code: 0, summary: { verified: true, reconnects: 4 } });
  expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true } });
});

test('a link on which nothing moves any more is noticed and comes back', async (context) => {
  needUserfaultfd(context);
  const dest = await startDest('--once', '--idle-s', '1.5');
  const proxy = await cuttingProxy(dest.port, [{ from: 'source', atByte: 3 * MIB, how: 'silence' }]);
  const source = await startSource(proxy.to, LOAD, '--retry', '--idle-s', '1.5').exit;
  expect(source).toMatchObject({ code: 0, summary: { verified: true } });
  // A machine that stands still for so long may be taken for a silent one, too.
  expect(source.summary?.['reconnects']).toBeGreaterThan(0);
  expect(source.stderr).toContain('it said nothing for');
  expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true } });
});

test('a pre-shared key is asked for on each connection', async (context) => {
  needUserfaultfd(context);
  const folder = await makeFolder();
  const key = path.join(folder, 'link.psk');
  expect(await migrate('psk', '--out', key).exit).toMatchObject({ code: 0 });
  const dest = await startDest('--once', '--psk-file', key);
  const proxy = await cuttingProxy(dest.port, [{ from: 'source', atByte: 3 * MIB, how: 'reset' }]);
  const source = await startSource(proxy.to, LOAD, '--retry', '--psk-file', key).exit;
  expect(source).toMatchObject({ code: 0, summary: { verified: true, reconnects: 1 } });
  expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true } });
});

test('a destination that is gone for good ends the attempts: 11, and the guest goes on', async (context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once');
  const source = startSlowSource(dest.to, '--retry', '0.8');
  await source.line('phase', { phase: 'stream' });
  dest.child.kill('SIGKILL');
  const survivor = await source.exit;
  expect(survivor).toMatchObject({ code: 11, summary: { outcome: 'peer-lost', verified: false } });
  expect(survivor.stderr).toContain('it did not come back in');
  expectGuestGoesOn(survivor);
  expect((await names()).filter((name) => name.endsWith('.sfp'))).toEqual([]);
});

test('a destination that was started again does not know the session: 11, at once', async (context) => {
  needUserfaultfd(context);
  const dest = await startDest('--once');
  const source = startSlowSource(dest.to, '--retry', '15');
  await source.line('phase', { phase: 'stream' });
  dest.child.kill('SIGKILL');
  await dest.child.exit;
  const again = migrate('dest', '--listen', dest.to);
  await again.line('listening');
  const survivor = await source.exit;
  expect(survivor).toMatchObject({ code: 11, summary: { outcome: 'peer-lost' } });
  expect(survivor.stderr).toContain('does not know this session');
  expectGuestGoesOn(survivor);
});

test('a source that was killed is waited for, and then nothing of it is kept', async (context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once', '--retry-wait', '0.5');
  const source = startSlowSource(dest.to, '--retry');
  await source.line('phase', { phase: 'stream' });
  source.kill('SIGKILL');
  const exit = await dest.child.exit;
  expect(exit).toMatchObject({ code: 11, summary: { outcome: 'peer-lost', verified: false } });
  expect(exit.stderr).toMatch(/the source was lost \(.*\), waiting 500 ms for it/);
  expect(await names()).toEqual([]);
});

test('others are served while nobody is', async (context) => {
  needUserfaultfd(context);
  const dest = await startDest('--retry-wait', '0.5');
  const lost = startSlowSource(dest.to, '--retry');
  await lost.line('phase', { phase: 'stream' });
  const next = startSource(dest.to, 'counter,size=2MiB');
  lost.kill('SIGKILL');
  expect(await next.exit).toMatchObject({ code: 0, summary: { verified: true } });
});

test('ctl status shows a link that is away, and what it has cost', async (context) => {
  needUserfaultfd(context);
  const socket = path.join(await makeFolder(), 'c.sock');
  const dest = await startDest();
  const proxy = await cuttingProxy(dest.port, []);
  const source = startSlowSource(proxy.to, '--retry', '15', '--control', socket);
  await source.line('phase', { phase: 'stream' });
  const status = async () => {
    const { lines } = await migrate('ctl', socket, 'status').exit;
    return lines.find(({ link }) => link !== undefined)?.['link'];
  };
  expect(await status()).toEqual({ linked: true, reconnects: 0, resentBytes: 0, offlineMs: 0 });
  proxy.close();
  await source.line('link', { state: 'lost' });
  expect(await status()).toEqual({
    linked: false,
    reconnects: 0,
    resentBytes: 0,
    offlineMs: expect.any(Number),
  });
  await migrate('ctl', socket, 'cancel').exit;
  const exit = await source.exit;
  expect(exit).toMatchObject({ code: 14 });
  expectGuestGoesOn(exit);
});
