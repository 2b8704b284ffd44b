import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { freePort, OWN_HOST as HOST } from '../free-port.ts';
import { migrate, startDest } from './child.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const file = (...names: readonly string[]) => path.join(import.meta.dirname, '..', ...names);

beforeEach(needUserfaultfd);

describe('a kv store with clients', () => {
  it.each(['precopy', 'postcopy', 'hybrid'])(
    'moves by %s, and no acknowledged write is lost or doubled',
    async (mode) => {
      const [here, there] = await Promise.all([freePort(), freePort()]);
      const { child: dest, to } = await startDest('--once', '--serve', `${HOST}:${there}`, '--keep-s', '60');
      // The clients are there before the store is: they look for it until it is served, far sooner than it leaves.
      const stores = `${HOST}:${here},${HOST}:${there}`;
      const load = migrate(
        'kv-load',
        '--to',
        stores,
        '--clients',
        '4',
        '--rate',
        '0',
        '--keys',
        '50',
        '--seconds',
        '60',
      );
      await load.line('progress');
      const source = migrate(
        'source',
        '--to',
        to,
        '--workload',
        'kv,size=16MiB',
        '--serve',
        `${HOST}:${here}`,
        '--moved-to',
        `${HOST}:${there}`,
        '--mode',
        mode,
        '--before-ms',
        '700',
      );
      expect(await source.exit).toMatchObject({ code: 0, summary: { outcome: 'done', mode } });
      // It checks what it knows before it ends, with the store that has moved.
      load.kill('SIGINT');
      const { code, summary } = await load.exit;
      expect(summary).toMatchObject({ outcome: 'done', lost: 0, doubled: 0, verified: true });
      expect(code).toBe(0);
      // Each client was told, or found out, once.
      expect(summary?.['connections']).toBeGreaterThanOrEqual(8);
      dest.kill('SIGTERM');
      await dest.exit;
    },
  );

  it('goes on where it is when nobody takes it, until it is ended', async () => {
    const [here, nobody] = await Promise.all([freePort(), freePort()]);
    const source = migrate(
      'source',
      '--to',
      `${HOST}:${nobody}`,
      '--workload',
      'kv,size=4MiB',
      '--serve',
      `${HOST}:${here}`,
      '--mode',
      'precopy',
      '--before-ms',
      '1',
    );
    await source.line('guest', { state: 'here' });
    const load = await migrate(
      'kv-load',
      '--to',
      `${HOST}:${here}`,
      '--clients',
      '2',
      '--seconds',
      '1',
      '--rate',
      '500',
    ).exit;
    expect(load).toMatchObject({ code: 0, summary: { lost: 0, doubled: 0 } });
    source.kill('SIGTERM');
    expect((await source.exit).code).toBe(11);
  });
});

describe('a guest of the user’s', () => {
  const ticker = file('migration', 'modules', 'ticker.mjs');
  const moving = (to: string, beforeMs: string) =>
    migrate('source', '--to', to, '--guest-module', ticker, '--mode', 'precopy', '--before-ms', beforeMs);

  it('moves with the module that both sides are given', async () => {
    const { child: dest, to } = await startDest('--once', '--guest-module', ticker, '--keep-s', '0.1');
    const source = await moving(to, '20').exit;
    expect(source).toMatchObject({ code: 0, summary: { outcome: 'done', digestVerified: true } });
    expect((await dest.exit).code).toBe(0);
  });

  it('stays when the other side does not know it', async () => {
    const { child: dest, to } = await startDest('--once');
    const source = moving(to, '1');
    await source.line('guest', { state: 'here' });
    expect((await dest.exit).code).toBe(15);
    source.kill('SIGTERM');
    expect((await source.exit).code).toBe(15);
  });

  it('may move into a program that takes its memory as files', async () => {
    const taker = file('exec', 'children', 'ticker-taker.mjs');
    const { child: dest, to } = await startDest('--once', '--into', 'exec', '--json', '--', 'node', taker);
    const source = await moving(to, '20').exit;
    expect(source).toMatchObject({ code: 0, summary: { outcome: 'done' } });
    // It ends with 7 when the number in the memory is that of the state.
    expect((await dest.exit).code).toBe(7);
  });
});
