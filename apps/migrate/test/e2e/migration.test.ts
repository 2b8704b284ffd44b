import { beforeEach, describe, expect, it } from 'vitest';
import { migrate, startDest } from './child.ts';
import { type Cut, cuttingProxy } from './cutting-proxy.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const GUEST = 'counter,size=16MiB,writers=2,rate=4000';

/** Starts `migrate source` with a guest that moves as soon as it runs. */
function move(to: string, mode: string, ...args: readonly string[]) {
  return migrate('source', '--to', to, '--workload', GUEST, '--mode', mode, '--before-ms', '50', ...args);
}

beforeEach(needUserfaultfd);

describe('a counter that moves to another process', () => {
  it('goes on there, and every page is what its last writer left, on either side', async () => {
    const { child: dest, to } = await startDest('--once', '--keep-s', '0.2');
    const source = await move(to, 'precopy').exit;
    expect(source).toMatchObject({
      code: 0,
      summary: { outcome: 'done', mode: 'precopy', pages: 4096, digestVerified: true },
    });
    const { code, summary } = await dest.exit;
    expect(code).toBe(0);
    expect(summary).toMatchObject({ outcome: 'done', into: 'guest', verified: true, pages: 4096 });
    expect(summary?.['digest']).toBe(source.summary?.['digest']);
  });

  it('stays where it is when it writes too fast for its downtime, and says so with exit code 14', async () => {
    const { child: dest, to } = await startDest('--once');
    const source = await move(to, 'precopy', '--downtime-ms', '0.001', '--max-rounds', '2').exit;
    expect(source.code).toBe(14);
    expect(source.lines.findLast(({ type }) => type === 'guest')).toMatchObject({ state: 'here' });
    expect((await dest.exit).code).toBe(11);
  });
});

const MIB = 1024 * 1024;

/** With `--retry` the destination says two frames more in its sessions; the last of its words are PREPARED and STARTED. */
const CUTS: readonly Cut[] = [
  { from: 'source', atByte: 5 * MIB, how: 'reset' },
  { from: 'source', atByte: 15 * MIB, how: 'end' },
  { from: 'destination', atByte: 420, how: 'reset' },
  { from: 'destination', atByte: 480, how: 'end' },
];

describe('a link that breaks while a guest moves', () => {
  it.each(CUTS)(
    'comes back with --retry, and the guest has moved: from the $from at byte $atByte',
    async (cut) => {
      const dest = await startDest('--once', '--keep-s', '0.2');
      const proxy = await cuttingProxy(dest.port, [cut]);
      const source = await move(proxy.to, 'precopy', '--retry').exit;
      expect(source).toMatchObject({ code: 0, summary: { outcome: 'done' } });
      expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true } });
      expect(proxy.connections()).toBe(2);
    },
  );
});

it('a counter comes whole over several connections', async () => {
  const { child: dest, to } = await startDest('--once', '--keep-s', '0.2');
  const source = await move(to, 'precopy', '--lanes', '2').exit;
  expect(source).toMatchObject({ code: 0, summary: { outcome: 'done' } });
  expect(await dest.exit).toMatchObject({ code: 0, summary: { verified: true } });
});

describe('a counter that is handed over before its memory', () => {
  it.each([
    { mode: 'postcopy', options: [] },
    { mode: 'hybrid', options: ['--downtime-ms', '0.001', '--max-rounds', '1'] },
  ])('goes on there while its pages come: $mode', async ({ mode, options }) => {
    const { child: dest, to } = await startDest('--once', '--keep-s', '0.2');
    const source = await move(to, mode, ...options).exit;
    expect(source).toMatchObject({ code: 0, summary: { outcome: 'done', mode, postcopy: true } });
    const { code, summary } = await dest.exit;
    expect(code).toBe(0);
    expect(summary).toMatchObject({ outcome: 'done', verified: true, postcopy: true });
    expect(summary?.['digest']).toBe(source.summary?.['digest']);
  });
});

describe('a link that breaks after a post-copy hand-over', () => {
  it('comes back by itself, and the pages that were missing come', async () => {
    const dest = await startDest('--once', '--keep-s', '0.2');
    // The first connection breaks in the middle of the pages that are pushed.
    const proxy = await cuttingProxy(dest.port, [{ from: 'source', atByte: 8 * MIB, how: 'reset' }]);
    const source = await move(proxy.to, 'postcopy').exit;
    expect(source).toMatchObject({ code: 0, summary: { outcome: 'done', postcopy: true } });
    expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true, postcopy: true } });
    // The three of the migration, and one that came back.
    expect(proxy.connections()).toBe(4);
  });
});
