import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { migrate, startDest, startSource } from './child.ts';
import { imagePlace } from './folder.ts';
import { expectGuestGoesOn } from './survive.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const AROUND = ['--before-ms', '50', '--after-ms', '20'];

test.for([
  ['lz4', 'counter,size=16MiB'],
  ['zstd:3', 'kv,size=16MiB'],
  ['lz4:8', 'sqlite,rows=2000'],
  ['auto', 'counter,size=4MiB'],
] as const)(
  'a snapshot with %s of %s is smaller, and the oracle accepts it',
  async ([compress, workload], context) => {
    needUserfaultfd(context);
    const { image, names } = await imagePlace();
    const args = ['--out', image, '--workload', workload, ...AROUND, '--compress', compress];
    const { code, summary } = await migrate('snapshot', ...args, '--verify').exit;
    const method = compress === 'auto' ? 'lz4' : compress.split(':')[0];
    expect({ code, summary }).toMatchObject({
      code: 0,
      summary: { verified: true, packing: { compression: method, isIncrement: false } },
    });
    const { size } = await stat(image);
    expect(summary).toMatchObject({ bytes: size });
    expect(size).toBeLessThan((Number(summary?.['pages']) * 4096) / 2);
    expect(await names()).toEqual(['image.sfp']);
  },
);

test('an image has an index, compressed or not', async (context) => {
  needUserfaultfd(context);
  const { image } = await imagePlace();
  const snapshot = await migrate('snapshot', '--out', image, '--workload', 'counter,size=4MiB', ...AROUND)
    .exit;
  expect(snapshot.code).toBe(0);
  expect(snapshot.summary).toMatchObject({ packing: { compression: 'none', ratio: 1 } });
  const inspected = await migrate('inspect', image).exit;
  expect(inspected).toMatchObject({
    code: 0,
    summary: { layout: { index: 'used' } },
  });
});

test.for(['lz4', 'zstd'])('a destination takes what is compressed with %s', async (compress, context) => {
  needUserfaultfd(context);
  const dest = await startDest('--into', 'memory', '--once');
  const source = await startSource(dest.to, 'counter,size=16MiB', '--compress', compress).exit;
  expect(source).toMatchObject({ code: 0, summary: { verified: true, packing: { compression: compress } } });
  expect(Number(source.summary?.['bytes'])).toBeLessThan(8 * 2 ** 20);
  expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true } });
});

test('a series is a chain, and the oracle accepts each image', async (context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const args = ['--out', image, '--workload', 'counter,size=8MiB,rate=2000', ...AROUND];
  const series = await migrate(
    'snapshot',
    ...args,
    '--compress',
    'lz4',
    '--every',
    '100ms',
    '--count',
    '4',
    '--verify',
  ).exit;
  expect(series.code).toBe(0);
  const paths = [image, `${image}.1`, `${image}.2`, `${image}.3`];
  expect(series.summary).toMatchObject({ outcome: 'done', verified: true, path: paths[3] });
  expect(series.summary?.['images']).toMatchObject(
    paths.map((path, number) => ({ path, isIncrement: number > 0 })),
  );
  // Noted while it ran: what did not change was not even read.
  const number = (key: string) => Number(series.summary?.[key]);
  expect(number('sweptPages') + number('faultPages')).toBeLessThan(number('pages') / 2);
  expect(series.lines.filter(({ type }) => type === 'image').map((line) => line['path'])).toEqual(paths);
  expect((await names()).toSorted()).toEqual(['image.sfp', 'image.sfp.1', 'image.sfp.2', 'image.sfp.3']);
  const verified = await migrate('verify', paths[3]!).exit;
  expect(verified).toMatchObject({ code: 0, summary: { verified: true } });
});

test('an increment of an image of another guest is complete in itself', async (context) => {
  needUserfaultfd(context);
  const { image } = await imagePlace();
  const first = await migrate('snapshot', '--out', image, '--workload', 'counter,size=2MiB', ...AROUND).exit;
  expect(first.code).toBe(0);
  const next = `${image}.next`;
  const args = ['--out', next, '--workload', 'counter,size=4MiB', ...AROUND, '--parent', image, '--verify'];
  const second = await migrate('snapshot', ...args).exit;
  expect(second).toMatchObject({ code: 0, summary: { verified: true, packing: { isIncrement: false } } });
  expect(second.stderr).toContain('complete in itself');
});

test.for([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s between two images ends a series: those that are there stay, and the guest goes on',
  async ([signal, code], context) => {
    needUserfaultfd(context);
    const { image, names } = await imagePlace();
    const args = ['--out', image, '--workload', 'counter,size=4MiB', ...AROUND];
    const series = migrate('snapshot', ...args, '--compress', 'lz4', '--every', '1h', '--count', '2');
    await series.line('image', { number: 0 });
    series.kill(signal);
    const interrupted = await series.exit;
    expect(interrupted).toMatchObject({ code, summary: { outcome: 'interrupted' } });
    expectGuestGoesOn(interrupted);
    expect(await names()).toEqual(['image.sfp']);
    expect(await migrate('verify', image).exit).toMatchObject({ code: 0, summary: { verified: true } });
  },
);

test.for(['SIGINT', 'SIGTERM'] as const)('%s while it packs leaves nothing', async (signal, context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const args = ['--out', image, '--workload', 'counter,size=64MiB', ...AROUND];
  const slow = ['--compress', 'zstd:9', '--limiter', 'token-bucket,rate=8MiB/s,burst=8MiB'];
  const snapshot = migrate('snapshot', ...args, ...slow);
  await snapshot.line('phase', { phase: 'stream' });
  snapshot.kill(signal);
  const interrupted = await snapshot.exit;
  expect(interrupted.summary).toMatchObject({ outcome: 'interrupted' });
  expectGuestGoesOn(interrupted);
  expect(await names()).toEqual([]);
});
