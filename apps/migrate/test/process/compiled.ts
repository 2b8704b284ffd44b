import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const targetSources = fileURLToPath(new URL('../targets', import.meta.url));
const cache = fileURLToPath(new URL('../../node_modules/.cache/targets', import.meta.url));

// Frame pointers and debug information: backtraces of a core are looked at.
const FLAGS = [
  '-std=gnu11',
  '-O1',
  '-g',
  '-fno-omit-frame-pointer',
  '-D_GNU_SOURCE',
  '-pthread',
  '-Wall',
  '-Wextra',
];
const WITH_STAMPS = ['stamps.c', 'target.c'];

const PROGRAMS = {
  writers: { sources: ['writers.c', ...WITH_STAMPS], flags: FLAGS },
  mappings: { sources: ['mappings.c', ...WITH_STAMPS], flags: FLAGS },
  fork_storm: { sources: ['fork_storm.c', ...WITH_STAMPS], flags: FLAGS },
  churn: { sources: ['churn.c', ...WITH_STAMPS], flags: FLAGS },
  sparse: { sources: ['sparse.c', ...WITH_STAMPS], flags: FLAGS },
  refused: { sources: ['refused.c'], flags: FLAGS },
  m32: {
    sources: ['m32.c'],
    flags: ['-m32', '-nostdlib', '-static', '-ffreestanding', '-fno-pie', '-no-pie'],
  },
} as const;

export type Program = keyof typeof PROGRAMS;

/** The path of a compiled target. The file's folder is named after sources and flags: nothing old is run. Throws what cc says. */
export async function compiled(program: Program): Promise<string> {
  const compiler = process.env['CC'] ?? 'cc';
  const { sources, flags } = PROGRAMS[program];
  const folder = path.join(cache, await fingerprint(compiler));
  const out = path.join(folder, program);
  if (existsSync(out)) return out;
  await mkdir(folder, { recursive: true });
  // Put in place by rename: other test files may be compiling the same.
  const fresh = `${out}.${process.pid}`;
  await run(compiler, [...flags, ...sources.map((source) => path.join(targetSources, source)), '-o', fresh]);
  await rename(fresh, out);
  return out;
}

async function fingerprint(compiler: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([compiler, PROGRAMS]));
  for (const name of (await readdir(targetSources)).toSorted()) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    hash.update(name).update(await readFile(path.join(targetSources, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
