import { beforeEach, describe, expect, it } from 'vitest';
import { migrate, startDest } from './child.ts';
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
    expect(source.lines.filter(({ type }) => type === 'guest').at(-1)).toMatchObject({ state: 'here' });
    expect((await dest.exit).code).toBe(11);
  });
});
