import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LabError } from '../lab-error.ts';

const run = promisify(execFile);

/** The package's folder, and the headers that the benchmarks' peers have too. */
export const PACKAGE = findPackage(import.meta.url);
const GUEST = path.join(PACKAGE, 'guest');
const PEERS = path.join(PACKAGE, '../bench/peers');
const CACHE = path.join(PACKAGE, 'node_modules/.cache/guest');

const SOURCES = ['addon.c', 'lab_writers.c'].map((name) => path.join(GUEST, name));
const HEADERS = [
  path.join(GUEST, 'lab_writers.h'),
  ...['wait_histogram.h', 'clock.h', 'guest_memory.h', 'rest_gate.h'].map((name) => path.join(PEERS, name)),
];

/**
 * Compiles the writers, unless that is done already, with `CC` or cc; gives the addon's path. Its name is made of sources, flags and
 * compiler: whatever changes, nothing old is run.
 *
 * @throws LabError LAB_RUN_FAILED
 */
export async function compileGuest(extraFlags: readonly string[] = []): Promise<string> {
  const { include_dir: node }: { include_dir: string } = createRequire(import.meta.url)('node-api-headers');
  const flags = [
    '-std=gnu11',
    '-O2',
    '-g',
    '-D_GNU_SOURCE',
    '-pthread',
    '-Wall',
    '-Wextra',
    '-shared',
    '-fPIC',
  ];
  const all = [...flags, '-isystem', node, '-isystem', PEERS, '-DNAPI_VERSION=8', ...extraFlags];
  const compiler = process.env['CC'] ?? 'cc';
  try {
    const file = path.join(CACHE, `${await fingerprint(compiler, all)}.node`);
    if (existsSync(file)) return file;
    await mkdir(CACHE, { recursive: true });
    // Put in place by rename: a run that was ended half-way, or another one, leaves no half an addon.
    const fresh = `${file}.${process.pid}`;
    await run(compiler, [...all, ...SOURCES, '-o', fresh]);
    await rename(fresh, file);
    return file;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new LabError(
      'LAB_RUN_FAILED',
      `the writers cannot be compiled: ${said}`,
      'A C compiler is needed: CC, otherwise cc.',
      error,
    );
  }
}

async function fingerprint(compiler: string, flags: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const { stdout } = await run(compiler, ['--version']);
  hash.update(JSON.stringify([stdout, flags]));
  for (const file of [...SOURCES, ...HEADERS]) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    hash.update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/** This file is in src/real; bundled, in dist or in node_modules/.cache/lab. */
function findPackage(url: string): string {
  let folder = path.dirname(fileURLToPath(url));
  while (!existsSync(path.join(folder, 'guest/lab_writers.c'))) {
    const above = path.dirname(folder);
    if (above === folder) throw new Error('the sources of the writers are not there');
    folder = above;
  }
  return folder;
}
