import { expect, test } from 'vitest';
import { migrate, startDest, startSource } from './child.ts';
import { imagePlace } from './folder.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const WORKLOADS = ['counter,size=16MiB', 'kv,size=16MiB', 'sqlite,rows=2000'];

/** What scripts may rely on in the last line of a picture. */
const contract = {
  type: 'summary',
  outcome: 'done',
  mode: 'snapshot',
  limiter: expect.any(String),
  pages: expect.any(Number),
  zeroPages: expect.any(Number),
  bytes: expect.any(Number),
  durationMs: expect.any(Number),
  pauseMs: expect.any(Number),
  faults: expect.any(Number),
  stallUs: expect.objectContaining({
    p50: expect.any(Number),
    p99: expect.any(Number),
    max: expect.any(Number),
  }),
  preImageBytesMax: expect.any(Number),
  verified: true,
};

test.for(WORKLOADS)(
  '%s goes into the memory of a destination and is verified there',
  async (workload, context) => {
    needUserfaultfd(context);
    const dest = await startDest('--into', 'memory', '--once');
    const source = await startSource(dest.to, workload).exit;
    const received = await dest.child.exit;
    expect(source).toMatchObject({ code: 0, summary: contract });
    expect(received).toMatchObject({
      code: 0,
      summary: { outcome: 'done', into: 'memory', verified: true, acknowledged: true },
    });
    expect(received.summary).toMatchObject({
      digest: source.summary?.['digest'],
      pages: source.summary?.['pages'],
      zeroPages: source.summary?.['zeroPages'],
    });
    expect(source.summary?.['pages']).toBeGreaterThan(0);
    expect(source.summary?.['writes']).toBeGreaterThan(0);
  },
);

test.for(WORKLOADS)('%s becomes a file that verify and inspect agree with', async (workload, context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once');
  const source = await startSource(dest.to, workload).exit;
  expect(source).toMatchObject({ code: 0, summary: contract });
  expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true, into: image } });
  expect(await names()).toEqual(['image.sfp']);
  const [verified, inspected] = await Promise.all([
    migrate('verify', image).exit,
    migrate('inspect', image).exit,
  ]);
  const digest = source.summary?.['digest'];
  expect(verified).toMatchObject({ code: 0, summary: { outcome: 'done', verified: true, digest } });
  expect(inspected).toMatchObject({ code: 0, summary: { outcome: 'done' } });
});

test('a snapshot into a file, read back by --verify', async (context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const args = ['--out', image, '--workload', 'counter,size=16MiB', '--before-ms', '50', '--after-ms', '20'];
  const snapshot = await migrate('snapshot', ...args, '--verify').exit;
  expect(snapshot).toMatchObject({ code: 0, summary: { ...contract, path: image } });
  expect(await names()).toEqual(['image.sfp']);
});

test('a snapshot that nobody verified does not say so', async (context) => {
  needUserfaultfd(context);
  const { image } = await imagePlace();
  const args = ['--out', image, '--workload', 'counter,size=2MiB', '--before-ms', '50', '--after-ms', '20'];
  const snapshot = await migrate('snapshot', ...args).exit;
  expect(snapshot).toMatchObject({ code: 0, summary: { ...contract, verified: false } });
});

test.for([['none'], ['token-bucket', 'rate=64MiB/s', 'burst=1MiB'], ['linear-scan']])(
  'the limiter %s is the one that is asked',
  async (choice, context) => {
    needUserfaultfd(context);
    const dest = await startDest('--once');
    const source = await startSource(dest.to, 'counter,size=16MiB', '--limiter', choice.join(',')).exit;
    expect(source).toMatchObject({ code: 0, summary: { ...contract, limiter: choice[0] } });
    expect(source.summary?.['limiterSteps']).toBeGreaterThan(0);
  },
);

test('inline mode: no pre-images are held, writers wait for the sink', async (context) => {
  needUserfaultfd(context);
  const dest = await startDest('--once');
  const flags = ['--pre-images-max', '0', '--overflow', 'stall'];
  const source = await startSource(dest.to, 'counter,size=2MiB,rate=2000', ...flags).exit;
  expect(source).toMatchObject({ code: 0, summary: { ...contract, spilledBytesMax: 0 } });
  expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true } });
});
