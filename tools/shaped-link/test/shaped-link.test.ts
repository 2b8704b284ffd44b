import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { compileLink } from '../src/compile.ts';
import { type LinkSide, ShapedLink, whyNoLink } from '../src/index.ts';

const run = promisify(execFile);
const reason = whyNoLink();
if (reason !== undefined) console.log(`skipped: no shaped link, ${reason}`);

/** Numbers that a probe between the two sides measured. */
async function probe(link: ShapedLink, what: string): Promise<Record<string, number>> {
  const server = start(link.b, ['serve']);
  try {
    const { stdout } = await run(...split(link.a.within('node', probeFile, what, link.b.address)));
    return JSON.parse(stdout);
  } finally {
    server.kill();
  }
}

const probeFile = path.join(import.meta.dirname, 'probe.mjs');

function start(side: LinkSide, args: readonly string[]): ChildProcess {
  const [program, rest] = split(side.within('node', probeFile, ...args));
  return spawn(program, rest, { stdio: 'ignore' });
}

function split([program = '', ...rest]: readonly string[]): [string, string[]] {
  return [program, rest];
}

describe.skipIf(reason !== undefined)('a shaped link', () => {
  it('delays each way, and carries everything', async () => {
    await using link = await ShapedLink.open({ delayUs: 5000 });
    const { roundTripMs, bytes } = await probe(link, 'ping');
    // Twice the delay is the least that physics allows; how much more it is depends on the machine.
    expect(roundTripMs).toBeGreaterThanOrEqual(10);
    expect(bytes).toBe(1);
    const { frames, lost } = await link.stats();
    expect(frames).toBeGreaterThan(0);
    expect(lost).toBe(0);
  });

  it('carries no more than its rate', async () => {
    await using link = await ShapedLink.open({ rateMbit: 80 });
    const { bytes, durationMs } = await probe(link, 'send');
    expect(bytes).toBe(2 ** 20);
    // 80 Mbit/s are 10,000 bytes a ms.
    expect(durationMs).toBeGreaterThanOrEqual(bytes! / 10_000 - 1);
  });

  it('loses what it is told to, and the other end gets it all the same', async () => {
    await using link = await ShapedLink.open({ lossPpm: 50_000 });
    const { bytes } = await probe(link, 'send');
    expect(bytes).toBe(2 ** 20);
    expect((await link.stats()).lost).toBeGreaterThan(0);
  });

  it('that is cut carries nothing, and goes on when it is mended', async () => {
    await using link = await ShapedLink.open();
    await probe(link, 'ping');
    await link.cut();
    const before = await link.stats();
    const pending = probe(link, 'ping');
    const lostMore = async (): Promise<void> => {
      if ((await link.stats()).lost <= before.lost) await lostMore();
    };
    await lostMore();
    expect((await link.stats()).frames).toBe(before.frames);
    await link.mend();
    expect((await pending)['bytes']).toBe(1);
  });

  it('leaves nothing behind', async () => {
    const link = await ShapedLink.open();
    const { namespace } = link.a;
    expect(await readdir('/run/netns')).toContain(namespace);
    await link.close();
    await link.close();
    expect(await readdir('/run/netns')).not.toContain(namespace);
  });

  it('leaves nothing behind when those who made it are killed with all of their group', async () => {
    const names = ['a', 'b'].map((side) => `stillframe-killed-${process.pid}-${side}`);
    await Promise.all(names.map((name) => run('ip', ['netns', 'add', name])));
    // A shell that waits for its program is in the group with it, as a test that is ended is with what it has started.
    const script = ['-c', '"$@"; exit', 'sh', await compileLink(), ...names];
    const maker = spawn('sh', script, { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
    const [ready] = await once(maker.stdout, 'data');
    expect(String(ready)).toBe('ready\n');
    process.kill(-maker.pid!, 'SIGKILL');
    maker.stdin.end();
    // The last that has it open is the program.
    await once(maker.stdout.resume(), 'close');
    const left = (await readdir('/run/netns')).filter((name) => names.includes(name));
    await Promise.all(left.map((name) => run('ip', ['netns', 'del', name])));
    expect(left).toEqual([]);
  });

  it('refuses a shape that is none', async () => {
    await using link = await ShapedLink.open();
    await expect(link.shape({ delayUs: Number.NaN })).rejects.toThrow('does not take');
  });
});
