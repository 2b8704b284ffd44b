import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { migrate, startDest } from './child.ts';
import { type Cut, cuttingProxy } from './cutting-proxy.ts';
import { needUserfaultfd } from './userfaultfd.ts';

/** It touches pages long before they come by themselves. */
const GUEST = 'counter,size=16MiB,writers=2,rate=20000';

/** The lane of faults is the third connection, behind the first and the lane of requests. */
const WHOLE: Cut = { from: 'source', atByte: Number.MAX_SAFE_INTEGER, how: 'end' };

function move(to: string, ...args: readonly string[]) {
  const guest = ['--workload', GUEST, '--mode', 'postcopy', '--before-ms', '50'];
  return migrate('source', '--to', to, ...guest, ...args);
}

beforeEach(needUserfaultfd);

describe('pages that a thread waits for', () => {
  it('come on a lane of their own, once, and both sides count them in', async () => {
    const { child: dest, to } = await startDest('--once', '--keep-s', '0.2');
    const source = await move(to).exit;
    expect(source).toMatchObject({ code: 0, summary: { outcome: 'done', digestVerified: true } });
    const { code, summary } = await dest.exit;
    expect(code).toBe(0);
    expect(summary).toMatchObject({ verified: true, digest: source.summary?.['digest'] });
    expect(summary?.['faultLanePages']).toBeGreaterThan(0);
    // What was asked for in both ways at a time came twice.
    expect(source.summary?.['sentPages']).toBeLessThan(2 * Number(source.summary?.['pages']));
  });

  it.each([
    { from: 'destination', atByte: 5000, how: 'reset' },
    { from: 'source', atByte: 200_000, how: 'reset' },
    { from: 'source', atByte: 300_001, how: 'end' },
    { from: 'source', atByte: 250_003, how: 'silence' },
  ] as const)('come otherwise when that lane breaks: from the $from at byte $atByte, $how', async (cut) => {
    const dest = await startDest('--once', '--keep-s', '0.2');
    const proxy = await cuttingProxy(dest.port, [WHOLE, WHOLE, cut]);
    const source = await move(proxy.to).exit;
    expect(source).toMatchObject({ code: 0, summary: { outcome: 'done', digestVerified: true } });
    const { code, summary } = await dest.child.exit;
    expect(code).toBe(0);
    expect(summary).toMatchObject({ verified: true });
    expect(summary?.['faultLanePages']).toBeGreaterThan(0);
    // Not tried again.
    expect(proxy.connections()).toBe(3);
  });

  it('come in frames when the lane cannot be had at all', async () => {
    const dest = await startDest('--once', '--keep-s', '0.2');
    const proxy = await cuttingProxy(dest.port, [WHOLE, WHOLE, { from: 'source', atByte: 1, how: 'reset' }]);
    const source = await move(proxy.to).exit;
    expect(source).toMatchObject({ code: 0, summary: { outcome: 'done', digestVerified: true } });
    expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true, faultLanePages: 0 } });
  });

  it('a stranger gets no lane, and does no harm', async () => {
    const dest = await startDest('--once', '--keep-s', '0.2');
    const source = move(`127.0.0.1:${dest.port}`);
    await dest.child.line('source');
    const stranger = connect({ host: '127.0.0.1', port: dest.port });
    await once(stranger, 'connect');
    stranger.on('error', () => undefined).resume();
    stranger.end(Buffer.alloc(4096, 1));
    expect(await source.exit).toMatchObject({ code: 0, summary: { outcome: 'done' } });
    expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true } });
    stranger.destroy();
  });
});
