import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const SOURCE = fileURLToPath(new URL('../native/shaped_link.c', import.meta.url));
const CACHE = fileURLToPath(new URL('../node_modules/.cache/native', import.meta.url));
const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra'];

/** Compiles the program unless that has been done, with `CC` or cc. @returns Where it is. */
export async function compileLink(): Promise<string> {
  const compiler = process.env['CC'] ?? 'cc';
  const hash = createHash('sha256')
    .update(JSON.stringify([compiler, FLAGS]))
    .update(await readFile(SOURCE));
  const program = path.join(CACHE, `shaped_link-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  await mkdir(CACHE, { recursive: true });
  // Put in place by rename: a run that was ended half-way, or another one, leaves no half a program.
  const fresh = `${program}.${process.pid}`;
  await run(compiler, [...FLAGS, SOURCE, '-o', fresh]);
  await rename(fresh, program);
  return program;
}
