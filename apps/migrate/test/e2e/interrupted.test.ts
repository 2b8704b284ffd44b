import { expect, test } from 'vitest';
import { migrate, startDest, startSource } from './child.ts';
import { imagePlace } from './folder.ts';
import { expectGuestGoesOn, startSlowSource } from './survive.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

test.for(SIGNALS)(
  '%s at the source ends both sides, and the guest goes on',
  async ([signal, code], context) => {
    needUserfaultfd(context);
    const { image, names } = await imagePlace();
    const dest = await startDest('--into', `file:${image}`, '--once');
    const source = startSlowSource(dest.to);
    await source.line('phase', { phase: 'stream' });
    source.kill(signal);
    const interrupted = await source.exit;
    expect(interrupted).toMatchObject({ code, summary: { outcome: 'interrupted', verified: false } });
    expectGuestGoesOn(interrupted);
    expect(await dest.child.exit).toMatchObject({ code: 11, summary: { verified: false } });
    expect(await names()).toEqual([]);
  },
);

test.for(SIGNALS)(
  '%s at the destination ends both sides, and the guest goes on',
  async ([signal, code], context) => {
    needUserfaultfd(context);
    const { image, names } = await imagePlace();
    const dest = await startDest('--into', `file:${image}`);
    const source = startSlowSource(dest.to);
    await source.line('phase', { phase: 'stream' });
    dest.child.kill(signal);
    expect(await dest.child.exit).toMatchObject({
      code,
      summary: { outcome: 'interrupted', verified: false },
    });
    const survivor = await source.exit;
    expect(survivor.code).toBe(11);
    expectGuestGoesOn(survivor);
    expect(await names()).toEqual([]);
  },
);

test.for(SIGNALS)('%s at a destination that waits for its first source', async ([signal, code]) => {
  const dest = await startDest();
  dest.child.kill(signal);
  expect(await dest.child.exit).toMatchObject({ code, summary: { outcome: 'interrupted' } });
});

test.for(SIGNALS)('%s at a snapshot into a file leaves no file', async ([signal, code], context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const slow = ['--limiter', 'token-bucket,rate=2MiB/s,burst=1MiB', '--before-ms', '0'];
  const snapshot = migrate('snapshot', '--out', image, '--workload', 'counter,size=16MiB,rate=100', ...slow);
  await snapshot.line('phase', { phase: 'stream' });
  snapshot.kill(signal);
  const interrupted = await snapshot.exit;
  expect(interrupted).toMatchObject({ code, summary: { outcome: 'interrupted' } });
  expectGuestGoesOn(interrupted);
  expect(await names()).toEqual([]);
});

test('SIGTERM before the picture has begun', async () => {
  const dest = await startDest();
  const source = startSource(dest.to, 'counter,size=2MiB', '--before-ms', '60000');
  await source.line('workload', { state: 'running' });
  source.kill('SIGTERM');
  expect(await source.exit).toMatchObject({ code: 143, summary: { outcome: 'interrupted' } });
});

test('the time limit ends the picture, and the guest goes on', async (context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once');
  const source = await startSlowSource(dest.to, '--timeout-s', '1.5').exit;
  expect(source).toMatchObject({ code: 14, summary: { outcome: 'not-converged', verified: false } });
  expect(source.stderr).toContain('--timeout-s');
  await dest.child.exit;
  expect(await names()).toEqual([]);
});

test('the time limit ends a destination to which nobody comes', async () => {
  expect(await migrate('dest', '--listen', '127.0.0.1:0', '--timeout-s', '0.2').exit).toMatchObject({
    code: 14,
    summary: { outcome: 'not-converged' },
  });
});
