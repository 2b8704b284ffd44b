import { expect, test } from 'vitest';
import { startDest, startSource } from './child.ts';
import { type Cut, cuttingProxy } from './cutting-proxy.ts';
import { imagePlace } from './folder.ts';
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
  expect(source, source.stderr).toMatchObject({ code: 0, summary: { verified: true, reconnects: 1 } });
  expect(source.stderr).toMatch(/link lost \(.*\), trying again in .* ms/);
  expect(received, received.stderr).toMatchObject({
    code: 0,
    summary: { verified: true, digest: source.summary?.['digest'] },
  });
  expect(proxy.connections()).toBe(2);
  expect(await names()).toEqual(['image.sfp']);
});
