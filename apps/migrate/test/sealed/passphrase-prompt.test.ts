import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { mainFile } from '../e2e/child.ts';
import { inFolder } from '../read-side/image-files.ts';

/** Of util-linux: gives a command a terminal of its own. */
const trial = spawnSync('script', ['-qec', 'true', '/dev/null'], { encoding: 'utf8' });

/** Skips where no terminal can be made: a passphrase is asked for on one only. In CI that is a failure, like every skip. */
function needTerminal(context: TestContext): void {
  if (trial.status !== 0) context.skip(`no terminal: ${trial.error?.message ?? trial.stderr.trim()}`);
}

interface Ending {
  readonly code: number;
  /** What the terminal showed. */
  readonly shown: string;
}

/** Runs a command at a terminal of its own; after each prompt the next of `lines` is typed. */
async function atTerminal(args: readonly string[], lines: readonly string[]): Promise<Ending> {
  const quoted = [process.execPath, mainFile, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', quoted, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const rest = [...lines];
  let shown = '';
  let prompts = 0;
  child.stdout.on('data', (bytes: Buffer) => {
    shown += bytes.toString();
    for (const seen = (shown.match(/assphrase[^\n]*: /g) ?? []).length; prompts < seen; prompts += 1) {
      child.stdin.write(rest.shift() ?? '\u0003');
    }
  });
  const [code] = await once(child, 'close');
  return { code: Number(code), shown };
}

const WORKLOAD = ['--workload', 'counter,size=1MiB,writers=1,rate=0'];

test('a passphrase is typed twice to write an image and once to read it, and is never shown', (context) =>
  inFolder(async (folder) => {
    needTerminal(context);
    const image = path.join(folder, 'image');
    const snapshot = ['snapshot', '--out', image, ...WORKLOAD, '--passphrase'];
    const taken = await atTerminal(snapshot, [
      'correkt\u007f\u007fct h\u00f6rse\r',
      'nonsense\u0015correct h\u00f6rse\r',
    ]);
    expect(taken).toMatchObject({ code: 0 });
    expect(taken.shown).not.toMatch(/corre|rse/);
    expect(await atTerminal(['verify', image, '--passphrase'], ['correct h\u00f6rse\r'])).toMatchObject({
      code: 0,
    });
    const wrong = await atTerminal(['verify', image, '--passphrase'], ['correct horse\r']);
    expect(wrong).toMatchObject({ code: 15, shown: expect.stringContaining('SEALED_KEY') });
  }));

test('Ctrl-C at the prompt, and two that differ: nothing is written', (context) =>
  inFolder(async (folder) => {
    needTerminal(context);
    const image = path.join(folder, 'image');
    const snapshot = ['snapshot', '--out', image, ...WORKLOAD, '--passphrase'];
    expect(await atTerminal(snapshot, ['corr\u0003'])).toMatchObject({ code: 130 });
    expect(await atTerminal(snapshot, ['one\r', 'other\r'])).toMatchObject({ code: 2 });
    expect(existsSync(image)).toBe(false);
  }));

test('without a terminal: 2, and what to do instead', async () => {
  const args = [mainFile, 'verify', 'image', '--passphrase', '--json'];
  // A session of its own has no terminal.
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  let shown = '';
  child.stdout.on('data', (bytes: Buffer) => (shown += bytes.toString()));
  const [code] = await once(child, 'close');
  expect(code).toBe(2);
  expect(shown).toContain('--passphrase-file');
});
