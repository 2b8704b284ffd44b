import path from 'node:path';
import { expect, test } from 'vitest';
import { migrate, startDest } from './child.ts';
import { type Cut, cuttingProxy } from './cutting-proxy.ts';
import { makeFolder } from './folder.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const MIB = 1024 * 1024;
const PAGES = (32 * MIB) / 4096;
/** It touches pages that have not come all the time. */
const GUEST = 'counter,size=32MiB,writers=2,rate=2000,fill=100';

const NEVER: Cut = { from: 'source', atByte: Number.POSITIVE_INFINITY, how: 'reset' };
/** The connection on which the pages come breaks after a quarter of them, and every new one at once. The lane of requests lives on. */
const CUTS: readonly Cut[] = [
  { from: 'source', atByte: 8 * MIB, how: 'reset' },
  NEVER,
  ...Array.from({ length: 64 }, (): Cut => ({ from: 'source', atByte: 1, how: 'reset' })),
];

test('a guest that was left in two halves is whole again when they are joined', async (context) => {
  needUserfaultfd(context);
  const folder = await makeFolder();
  const half = path.join(folder, 'source.half');
  const otherHalf = path.join(folder, 'dest.half');
  const image = path.join(folder, 'guest.sfp');
  const dest = await startDest('--once', '--retry-wait', '0.5', '--save-half', otherHalf);
  const proxy = await cuttingProxy(dest.port, CUTS);
  const move = ['source', '--to', proxy.to, '--workload', GUEST, '--mode', 'postcopy', '--before-ms', '50'];
  const source = migrate(...move, '--retry', '0.5', '--save-half', half);
  const [left, came] = await Promise.all([source.exit, dest.child.exit]);
  expect(left.code).toBe(20);
  expect(came.code).toBe(20);
  expect(await source.line('half')).toMatchObject({ state: 'saved', path: half, missingPages: 0 });
  const saved = await dest.child.line('half');
  expect(saved).toMatchObject({ state: 'saved', path: otherHalf, side: 'destination', pages: PAGES });
  const missingPages = Number(saved['missingPages']);
  expect(missingPages).toBeGreaterThan(0);
  expect(missingPages).toBeLessThan(PAGES);
  expect(left.lines.findLast(({ type }) => type === 'error')?.['hint']).toContain(half);

  const joined = await migrate('reconcile', '--join', half, otherHalf, '--out', image).exit;
  expect(joined).toMatchObject({ code: 0, summary: { pagesFromSource: missingPages } });
  const restored = await migrate('restore', image, '--into', 'memory').exit;
  expect(restored).toMatchObject({
    code: 0,
    summary: { verified: true, oracle: 'movable/workload/counter@1' },
  });
});
