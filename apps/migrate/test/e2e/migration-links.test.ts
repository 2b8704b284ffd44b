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
/** For sides that are to notice soon that the link is gone. */
const IDLE_S = '1';
/** For sides that are to arrive: on busy cores either may be silent for seconds. */
const PATIENT_S = '20';
const PHASES = ['rounds', 'pause', 'final', 'drain', 'commit'] as const;

function within(side: LinkSide, ...args: readonly string[]): Child {
  const [command = '', ...rest] = side.within(process.execPath, mainFile, ...args, '--insecure', '--json');
  return new Child(command, rest);
}

async function startBoth(
  link: ShapedLink,
  mode: 'precopy' | 'postcopy' | 'hybrid' = 'precopy',
  guest = GUEST,
  idleS = IDLE_S,
): Promise<{ source: Child; dest: Child }> {
  const at = `${link.b.address}:${PORT}`;
  const isPrecopy = mode === 'precopy';
  // Without rounds alone both sides wait for a link that comes back, here for so long.
  const patience = isPrecopy ? [] : ['--retry-wait', IDLE_S];
  const last = ['--once', '--keep-s', '0.3', '--idle-s', idleS, ...patience];
  const dest = within(link.b, 'dest', '--listen', at, ...last);
  await dest.line('listening');
  const source = within(
    link.a,
    'source',
    '--to',
    at,
    '--workload',
    guest,
    '--mode',
    mode,
    '--before-ms',
    '20',
    ...(isPrecopy ? [] : ['--retry', IDLE_S]),
    '--idle-s',
    idleS,
  );
  return { source, dest };
}

/** It writes more than the link takes, and touches what has not come yet. */
const BUSY_GUEST = 'counter,size=16MiB,writers=2,rate=8000';

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
    const { source, dest } = await startBoth(link, 'precopy', GUEST, PATIENT_S);
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

describe.skipIf(reason !== undefined)('a guest that moves over a link before all of it has', () => {
  it.each(['postcopy', 'hybrid'] as const)('%s: arrives although the link loses frames', async (mode) => {
    await using link = await ShapedLink.open({ delayUs: 500, rateMbit: 200, lossPpm: 1000 });
    const { source, dest } = await startBoth(link, mode, BUSY_GUEST, PATIENT_S);
    const [left, came] = await Promise.all([source.exit, dest.exit]);
    expect(left).toMatchObject({ code: 0, summary: { outcome: 'done', postcopy: true } });
    expect(came).toMatchObject({ code: 0, summary: { outcome: 'done', verified: true } });
    expect(Number(came.summary?.['requestedPages'])).toBeGreaterThan(0);
    // A round trip takes at least as long as the link does.
    expect(Number(came.summary?.['faultP99Us'])).toBeGreaterThan(1000);
  });

  it.each([
    ['postcopy', 'commit'],
    ['postcopy', 'serve'],
  ] as const)('%s: is run by one at most when the link ends in the phase %s', async (mode, phase) => {
    await using link = await ShapedLink.open({ delayUs: 1000, rateMbit: 200 });
    const { source, dest } = await startBoth(link, mode, BUSY_GUEST);
    await source.line('phase', { phase });
    await link.cut();
    const [left, came] = await Promise.all([source.exit, dest.exit]);
    expect(['one', 'unknown']).toContain(verdict(left, came));
    // Each has a half that the other needs.
    expect(left.code === 20 || phase !== 'serve').toBe(true);
  });

  it('is kept by the source when the destination is killed while pages follow', async () => {
    await using link = await ShapedLink.open({ delayUs: 1000, rateMbit: 200 });
    const { source, dest } = await startBoth(link, 'postcopy', BUSY_GUEST);
    await source.line('phase', { phase: 'serve' });
    dest.kill('SIGKILL');
    const [left] = await Promise.all([source.exit, dest.exit]);
    expect(left.code).toBe(20);
    expect(left.lines.some(({ type, state }) => type === 'guest' && state === 'paused')).toBe(true);
  });
});
