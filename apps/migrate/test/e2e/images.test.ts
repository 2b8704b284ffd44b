import { expect, test } from 'vitest';
import { migrate, startDest, startSource } from './child.ts';
import { imagePlace } from './folder.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const AROUND = ['--before-ms', '50', '--after-ms', '20'];

test('a destination keeps in its file what the source compressed, and its index', async (context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once');
  const source = await startSource(dest.to, 'counter,size=8MiB', '--compress', 'lz4', '--same-as').exit;
  expect(source).toMatchObject({ code: 0, summary: { verified: true } });
  expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true, into: image } });
  expect(await names()).toEqual(['image.sfp']);
  // Same-as needs a way to read back, which a file that is being written has not.
  expect(await migrate('inspect', image).exit).toMatchObject({
    code: 0,
    summary: { features: ['CHUNKS', 'LZ4'], layout: { index: 'used' } },
  });
  const verified = await migrate('verify', image).exit;
  expect(verified).toMatchObject({
    code: 0,
    summary: { verified: true, digest: source.summary?.['digest'] },
  });
});

test('a chain of a workload: its difference, and one image of it that the oracle accepts', async (context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const workload = ['--workload', 'counter,size=8MiB,rate=2000', ...AROUND];
  const series = ['--every', '100ms', '--count', '3', '--compress', 'zstd'];
  expect(await migrate('snapshot', '--out', image, ...workload, ...series).exit).toMatchObject({ code: 0 });
  const diff = await migrate('diff', `${image}.1`, `${image}.2`).exit;
  expect(diff).toMatchObject({ code: 15, summary: { outcome: 'different', comparedPages: 2048 } });
  const number = (key: string) => Number(diff.summary?.[key]);
  expect(number('differingPages')).toBeGreaterThan(0);
  expect(number('readPages')).toBeLessThan(2048);
  const flat = image.replace('image.sfp', 'flat.sfp');
  const flattened = await migrate('flatten', `${image}.2`, '--out', flat).exit;
  expect(flattened).toMatchObject({ code: 0, summary: { images: 3 } });
  expect(await migrate('diff', flat, `${image}.2`).exit).toMatchObject({ code: 0, summary: { same: true } });
  expect(await migrate('verify', flat).exit).toMatchObject({
    code: 0,
    summary: { verified: true, digest: flattened.summary?.['digest'] },
  });
  expect(await names()).toHaveLength(4);
});
