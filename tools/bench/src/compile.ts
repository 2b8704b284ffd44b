import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The sources, and where the compiled programs are kept; seen from src/ as from dist/. */
const PEER_SOURCES = fileURLToPath(new URL('../peers', import.meta.url));
const CACHE = fileURLToPath(new URL('../node_modules/.cache/peers', import.meta.url));

const FLAGS = ['-std=gnu11', '-O2', '-g', '-D_GNU_SOURCE', '-pthread', '-Wall', '-Wextra'];
const { include_dir: HEADERS }: { include_dir: string } = createRequire(import.meta.url)('node-api-headers');
const ADDON_FLAGS = ['-shared', '-fPIC', '-isystem', HEADERS, '-DNAPI_VERSION=8'];

/** What each program is made of. */
const PROGRAMS = {
  arm: { sources: ['arm.c'], flags: [] },
  copy: { sources: ['copy.c'], flags: [] },
  track: { sources: ['track.c'], flags: [] },
  write_file: { sources: ['write_file.c'], flags: [] },
  discard: { sources: ['discard.c'], flags: [] },
  send_tcp: { sources: ['send_tcp.c'], flags: [] },
  fault_handler: { sources: ['fault_handler.c', 'writers.c'], flags: [] },
  fork_snapshot: { sources: ['fork_snapshot.c', 'writers.c'], flags: [] },
  redis_load: { sources: ['redis_load.c'], flags: [] },
  redis_probe: { sources: ['redis_probe.c'], flags: [] },
  pack: { sources: ['pack.c'], flags: [] },
  pipe_reader: { sources: ['pipe_reader.c'], flags: [] },
  page_trip: { sources: ['page_trip.c'], flags: [] },
  'addon.node': { sources: ['addon.c', 'writers.c', 'resident_memory.c'], flags: ADDON_FLAGS },
} as const;

export type Program = keyof typeof PROGRAMS;

/**
 * Compiles what is not compiled yet, with `CC` or cc, and gives the folder that holds all programs.
 *
 * The folder's name is made of sources, flags and compiler: whatever changes, nothing old is run.
 */
export async function compilePeers(extraFlags: readonly string[] = []): Promise<string> {
  const compiler = process.env['CC'] ?? 'cc';
  const flags = [...FLAGS, ...extraFlags];
  const folder = path.join(CACHE, await fingerprint(compiler, flags));
  await mkdir(folder, { recursive: true });
  await Promise.all(
    Object.entries(PROGRAMS).map(async ([name, program]) => {
      const out = path.join(folder, name);
      if (existsSync(out)) return;
      // Put in place by rename: a run that was ended half-way, or another one, leaves no half a program.
      const fresh = `${out}.${process.pid}`;
      const sources = program.sources.map((source) => path.join(PEER_SOURCES, source));
      await run(compiler, [...flags, ...program.flags, ...sources, '-o', fresh]);
      await rename(fresh, out);
    }),
  );
  return folder;
}

async function fingerprint(compiler: string, flags: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const { stdout } = await run(compiler, ['--version']);
  hash.update(JSON.stringify([stdout, flags, PROGRAMS]));
  for (const name of (await readdir(PEER_SOURCES)).toSorted()) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    hash.update(name).update(await readFile(path.join(PEER_SOURCES, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
