import { execFile, execFileSync } from 'node:child_process';
import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { migrate } from './child.ts';
import { imagePlace } from './folder.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const AROUND = ['--before-ms', '50', '--after-ms', '20'];
const PAGE = 4096;

/** An image, and its memory as it is when all of it is restored. */
async function picture(workload: string, ...options: string[]) {
  const { image } = await imagePlace();
  const directory = path.dirname(image);
  const { code } = await migrate('snapshot', '--out', image, '--workload', workload, ...AROUND, ...options)
    .exit;
  expect(code).toBe(0);
  return { image, directory };
}

async function memoryOf(image: string): Promise<Buffer> {
  const into = `${image}.raw`;
  expect((await migrate('restore', image, '--into', `file:${into}`).exit).code).toBe(0);
  const { regions }: { regions: { file: string }[] } = JSON.parse(
    await readFile(`${into}/manifest.json`, 'utf8'),
  );
  return Buffer.concat(await Promise.all(regions.map(({ file }) => readFile(path.join(into, file)))));
}

test.for([['none'], ['lz4'], ['zstd']])(
  'a lazy restore of %s passes the oracle',
  async ([compress], context) => {
    needUserfaultfd(context);
    const { image } = await picture('counter,size=16MiB', '--compress', compress!);
    const lazily = () => migrate('restore', image, '--lazy', '--into', 'memory').exit;
    const { code, summary } = await lazily();
    expect({ code, summary }).toMatchObject({
      code: 0,
      summary: { oracleAccepts: true, lazy: true, missingPages: 0, lostPages: 0, recordedRuns: 0 },
    });
    expect(Number(summary?.['faultPages'])).toBeGreaterThan(0);
    const again = await lazily();
    expect(again).toMatchObject({ code: 0, summary: { oracleAccepts: true } });
    expect(Number(again.summary?.['recordedRuns'])).toBeGreaterThan(0);
  },
);

test('a lazy restore through a chain passes the oracle', async (context) => {
  needUserfaultfd(context);
  const { image } = await imagePlace();
  const series = ['--count', '2', '--every', '50ms', '--workload', 'counter,size=8MiB,rate=2000'];
  const { code } = await migrate('snapshot', '--out', image, ...series, ...AROUND).exit;
  expect(code).toBe(0);
  const lazily = await migrate('restore', `${image}.1`, '--lazy', '--into', 'memory').exit;
  expect(lazily).toMatchObject({ code: 0, summary: { oracleAccepts: true, missingPages: 0 } });
});

test('a damaged page ends who touches it, and is told before', async (context) => {
  needUserfaultfd(context);
  const { image } = await picture('counter,size=4MiB');
  const file = await open(image, 'r+');
  const { size } = await stat(image);
  await file.write(Buffer.alloc(2 ** 16, 0x5a), 0, 2 ** 16, Math.floor(size / 2));
  await file.close();
  const { code, stderr } = await migrate('restore', image, '--lazy', '--into', 'memory').exit;
  expect({ code, stderr }).toMatchObject({ code: 'SIGBUS', stderr: expect.stringContaining('lost: page') });
});

test('--lazy is refused where it has no meaning', async () => {
  const { image } = await imagePlace();
  for (const args of [
    ['--lazy'],
    ['--lazy', '--into', 'file:x'],
    ['--handoff', 'x'],
    ['--prefetch', 'off', '--into', 'memory'],
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- a process each
    expect((await migrate('restore', image, ...args).exit).code).toBe(2);
  }
});

const client = path.join(import.meta.dirname, '../../../../tools/handoff-client/handoff-client.c');

test.for([['anon'], ['memfd'], ['private']] as const)(
  'a monitor that hands over %s memory gets every byte of the image, and zeros for what its balloon gave back',
  async ([kind], context) => {
    needUserfaultfd(context);
    const { image, directory } = await picture(
      'counter,size=8MiB',
      '--compress',
      kind === 'memfd' ? 'lz4' : 'none',
    );
    const program = path.join(directory, 'client');
    execFileSync('cc', ['-O1', '-o', program, client]);
    const memory = await memoryOf(image);
    const socket = path.join(directory, 'h.sock');
    const handler = migrate('restore', image, '--lazy', '--handoff', socket, '--prefetch', '1MiB/s');
    await handler.line('listening');
    const out = path.join(directory, 'out');
    const half = memory.length / 2;
    const mappings = [`0:${half}`, `${half}:${half}`];
    await promisify(execFile)(program, [socket, out, kind, '3', '20', ...mappings]);
    const { code, summary, stderr } = await handler.exit;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(summary).toMatchObject({
      into: 'handoff',
      mappings: 2,
      memoryFile: kind !== 'anon',
      lostPages: 0,
    });
    // Of a private mapping of a file, what is given back is the file's again.
    const wanted = Buffer.from(memory);
    if (kind !== 'private') wanted.fill(0, 3 * PAGE, 23 * PAGE);
    const got = await readFile(out);
    for (let page = 0; page < wanted.length / PAGE; page++) {
      if (kind === 'private' && page >= 3 && page < 23) continue;
      const span = [page * PAGE, (page + 1) * PAGE] as const;
      expect(got.subarray(...span).equals(wanted.subarray(...span)), `page ${page}`).toBe(true);
    }
    expect(got.length).toBe(wanted.length);
  },
);
