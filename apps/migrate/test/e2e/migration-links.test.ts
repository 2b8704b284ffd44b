import { type LinkSide, ShapedLink, whyNoLink } from '@stillframe/shaped-link';
import { describe, expect, it } from 'vitest';
import { Child, type Exit, mainFile } from './child.ts';

const reason = whyNoLink();
if (reason !== undefined) {
  if (process.env['STILLFRAME_NO_SKIP'] === '1') throw new Error(`cannot be tested here: ${reason}`);
  console.warn(`skipped: migrations over a link, ${reason}`);
}

const PORT = '7000';
/** Far below a megabyte a second of dirty pages: it converges over every link here. */
const GUEST = 'counter,size=8MiB,writers=2,rate=300';
const IDLE_S = '1';
const PHASES = ['rounds', 'pause', 'final', 'drain', 'commit'] as const;

function within(side: LinkSide, ...args: readonly string[]): Child {
  const [command = '', ...rest] = side.within(process.execPath, mainFile, ...args, '--insecure', '--json');
  return new Child(command, rest);
}

async function startBoth(link: ShapedLink): Promise<{ source: Child; dest: Child }> {
  const at = `${link.b.address}:${PORT}`;
  const dest = within(link.b, 'dest', '--listen', at, '--once', '--keep-s', '0.3', '--idle-s', IDLE_S);
  await dest.line('listening');
  const source = within(
    link.a,
    'source',
    '--to',
    at,
    '--workload',
    GUEST,
    '--mode',
    'precopy',
    '--before-ms',
    '20',
    '--idle-s',
    IDLE_S,
  );
  return { source, dest };
}

/** Who says that the guest runs with it, in the end. A process that was killed says nothing. */
function owners(source: Exit, dest: Exit): string[] {
  const stays = source.lines.some(({ type, state }) => type === 'guest' && state === 'here');
  const arrived = dest.lines.some(({ type }) => type === 'arrived');
  return [...(stays ? ['source'] : []), ...(arrived ? ['destination'] : [])];
}

/** `one`: an owner. `unknown`: none, because nobody can know, and whoever is left says so. Anything else is wrong. */
function verdict(source: Exit, dest: Exit): string {
  const who = owners(source, dest);
  const codes = [source.code, dest.code];
  if (who.length === 1) return 'one';
  if (who.length > 1) return `two owners (${codes.join(', ')})`;
  return codes.includes(20) ? 'unknown' : `nobody, and nobody says so (${codes.join(', ')})`;
}

describe.skipIf(reason !== undefined)('a guest that moves over a link', () => {
  it('arrives although the link is slow and loses frames', async () => {
    await using link = await ShapedLink.open({ delayUs: 2000, rateMbit: 200, lossPpm: 5000 });
    const { source, dest } = await startBoth(link);
    const [left, came] = await Promise.all([source.exit, dest.exit]);
    expect(left).toMatchObject({ code: 0, summary: { outcome: 'done', digestVerified: true } });
    expect(came).toMatchObject({ code: 0, summary: { outcome: 'done', verified: true } });
    expect(owners(left, came)).toEqual(['destination']);
  });

  it.each(PHASES)('has one owner when the link ends in the phase %s', async (phase) => {
    await using link = await ShapedLink.open({ delayUs: 1000, rateMbit: 200 });
    const { source, dest } = await startBoth(link);
    await source.line('phase', { phase });
    await link.cut();
    const [left, came] = await Promise.all([source.exit, dest.exit]);
    expect(['one', 'unknown']).toContain(verdict(left, came));
  });

  it.each(PHASES)('is not run by two when the source is killed in the phase %s', async (phase) => {
    await using link = await ShapedLink.open({ delayUs: 1000, rateMbit: 200 });
    const { source, dest } = await startBoth(link);
    await source.line('phase', { phase });
    source.kill('SIGKILL');
    const [, came] = await Promise.all([source.exit, dest.exit]);
    // The source’s guest died with it: the destination has it, or says that it may not run it, or dropped a part of it.
    const arrived = came.lines.some(({ type }) => type === 'arrived');
    expect([0, 11, 20]).toContain(came.code);
    expect(arrived).toBe(came.code === 0);
  });

  it.each(PHASES)('stays, or is kept, when the destination is killed in the phase %s', async (phase) => {
    await using link = await ShapedLink.open({ delayUs: 1000, rateMbit: 200 });
    const { source, dest } = await startBoth(link);
    await source.line('phase', { phase });
    dest.kill('SIGKILL');
    const [left, came] = await Promise.all([source.exit, dest.exit]);
    // After COMMIT it is not known whether the destination had started it.
    expect(['one', 'unknown']).toContain(verdict(left, came));
    expect([0, 11, 20]).toContain(left.code);
  });
});
