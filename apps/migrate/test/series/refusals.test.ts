import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { openImage, PageStreamEncoder, type StoredImage } from '@stillframe/page-stream';
import { expect, test } from 'vitest';
import { imagePlace } from '../e2e/folder.ts';
import { runCommand } from '../read-side/run-command.ts';

const WORKLOAD = ['--workload', 'counter,size=1MiB'];

async function smallImage(path: string): Promise<void> {
  const memory = new Uint8Array(2 * 4096).fill(7);
  const encoder = new PageStreamEncoder({ streamId: randomBytes(16), chunks: { index: true } });
  const parts = [
    ...encoder.start([{ id: 0, name: 'ram', sizeBytes: memory.length, pageSize: 4096 }]),
    ...encoder.state({ kind: 'test@1', bytes: new Uint8Array(8) }),
    ...encoder.encodePages(0, [{ firstPage: 0, pageCount: 2, kind: 'data' }], memory),
    ...encoder.end(),
  ];
  await writeFile(path, Buffer.concat(parts));
}

test.for([
  [['--compress', 'gzip'], 'none, lz4, zstd or auto'],
  [['--compress', 'zstd:10'], 'levels -7 to 9'],
  [['--compress', 'zstd:-8'], 'levels -7 to 9'],
  [['--compress', 'lz4:0'], 'levels 1 to 65537'],
  [['--compress', 'lz4:65538'], 'levels 1 to 65537'],
  [['--compress', 'none:1'], 'none, lz4, zstd or auto'],
  [['--chunk', '5000'], '4KiB to 2MiB'],
  [['--chunk', '2KiB'], '4KiB to 2MiB'],
  [['--chunk', '2052KiB'], '4KiB to 2MiB'],
  [['--every', '1s'], '--count is missing'],
  [['--count', '2'], '--every is missing'],
  [['--every', '1s', '--count', '0'], '--count takes 1 to 65'],
  [['--every', '1s', '--count', '66'], '--count takes 1 to 65'],
  [['--every', '25h', '--count', '2'], 'up to a day'],
] as const)('%j is a mistake, said before anything starts', async ([flags, words]) => {
  const { image, names } = await imagePlace();
  const { exitCode, stderr } = await runCommand(['snapshot', '--out', image, ...WORKLOAD, ...flags]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(words);
  expect(stderr).toContain('hint:');
  expect(await names()).toEqual([]);
});

test('source refuses what snapshot refuses', async () => {
  const { exitCode, stderr } = await runCommand([
    'source',
    '--to',
    '127.0.0.1:1',
    ...WORKLOAD,
    '--compress',
    'gzip',
  ]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('none, lz4, zstd or auto');
});

test('a parent that is not there', async () => {
  const { image } = await imagePlace();
  const missing = `${image}.missing`;
  const { exitCode, stderr } = await runCommand([
    'snapshot',
    '--out',
    image,
    ...WORKLOAD,
    '--parent',
    missing,
  ]);
  expect(exitCode).toBe(16);
  expect(stderr).toContain(missing);
});

test('the parent itself is not replaced', async () => {
  const { image } = await imagePlace();
  await smallImage(image);
  const before = await readFile(image);
  const { exitCode, stderr } = await runCommand(['snapshot', '--out', image, ...WORKLOAD, '--parent', image]);
  expect(exitCode).toBe(15);
  expect(stderr).toContain('would need what it replaces');
  expect(Buffer.compare(await readFile(image), before)).toBe(0);
});

test('nor by a later image of the series', async () => {
  const { image } = await imagePlace();
  const parent = `${image}.2`;
  await smallImage(parent);
  const series = ['--every', '1s', '--count', '3'];
  const { exitCode, stderr } = await runCommand([
    'snapshot',
    '--out',
    image,
    ...WORKLOAD,
    '--parent',
    parent,
    ...series,
  ]);
  expect(exitCode).toBe(15);
  expect(stderr).toContain(parent);
});

test('a damaged parent', async () => {
  const { image } = await imagePlace();
  const parent = `${image}.parent`;
  await smallImage(parent);
  const bytes = await readFile(parent);
  await writeFile(parent, bytes.subarray(0, bytes.length - 8));
  const { exitCode } = await runCommand(['snapshot', '--out', image, ...WORKLOAD, '--parent', parent]);
  expect(exitCode).toBe(13);
});

test('a chain that is as long as a chain may be', async () => {
  const { image } = await imagePlace();
  let below: StoredImage | undefined;
  for (let number = 0; number <= 64; number++) {
    const encoder = new PageStreamEncoder({
      streamId: randomBytes(16),
      chunks: { index: true, ...(below === undefined ? {} : { parent: below }) },
    });
    const memory = new Uint8Array(4096).fill(number + 1);
    const bytes = Buffer.concat([
      ...encoder.start([{ id: 0, name: 'ram', sizeBytes: 4096, pageSize: 4096 }]),
      ...encoder.state({ kind: 'test@1', bytes: new Uint8Array(8) }),
      ...encoder.encodePages(0, [{ firstPage: 0, pageCount: 1, kind: 'data' }], memory),
      ...encoder.end(),
    ]);
    // oxlint-disable-next-line no-await-in-loop -- a chain is made link by link
    await writeFile(`${image}.${number}`, bytes);
    below = openImage((at, length) => bytes.subarray(at, at + length), {
      sizeBytes: bytes.length,
      ...(below === undefined ? {} : { parent: below }),
    });
  }
  const full = await runCommand(['snapshot', '--out', image, ...WORKLOAD, '--parent', `${image}.64`]);
  expect(full.exitCode).toBe(15);
  expect(full.stderr).toContain('migrate flatten');
  const series = ['--every', '1s', '--count', '2'];
  const oneLeft = await runCommand([
    'snapshot',
    '--out',
    image,
    ...WORKLOAD,
    '--parent',
    `${image}.63`,
    ...series,
  ]);
  expect(oneLeft.exitCode).toBe(2);
  expect(oneLeft.stderr).toContain('--count takes 1 to 1');
});
