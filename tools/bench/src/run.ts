import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Benchmark, Context } from './benchmark.ts';
import { compilePeers } from './compile.ts';
import { describeMachine, NoiseMeter } from './machine.ts';
import { oursWith } from './ours.ts';
import { otherWorkPercent, readCpuTicks } from './other-work.ts';
import { peersIn } from './peers.ts';
import type { Results } from './report/report.ts';
import type { Row } from './row.ts';
import type { Scale } from './scale.ts';

/** Files here are memory: no disk is in the figures. */
const MEMORY_FILES = '/dev/shm';

/** Built by `./run build`; seen from src/ as from dist/. */
const MIGRATE_PROGRAM = fileURLToPath(new URL('../../../apps/migrate/dist/main.js', import.meta.url));

/** Two cores with 5 % of other work on them still give a peer and us nearly the same. */
const OTHER_WORK_MAX_PERCENT = 5;

/** What one benchmark brought, and what else the cores were busy with meanwhile. */
export interface Measured {
  readonly rows: readonly Row[];
  readonly otherWorkPercent: number;
}

export interface RunOptions {
  readonly benchmarks: readonly Benchmark[];
  readonly scale: Scale;
  readonly isQuick: boolean;
  /** The bundled src/ours/main.ts, where it is not in dist. */
  readonly oursProgram?: string;
  /** The bundled main.ts of apps/migrate, where it is not in its dist. */
  readonly migrateProgram?: string;
  readonly onRows: (benchmark: Benchmark, measured: Measured) => void;
  readonly progress: (text: string) => void;
}

/** Runs benchmark after benchmark. Whatever happens, no file is left behind. */
export async function runBenchmarks({
  benchmarks,
  scale,
  isQuick,
  oursProgram,
  migrateProgram = MIGRATE_PROGRAM,
  onRows,
  progress,
}: RunOptions): Promise<Results> {
  const machine = describeMachine();
  progress('compiling the peers');
  const folder = await compilePeers();
  const peers = peersIn(folder);
  const noise = new NoiseMeter(peers);
  const scratch = await mkdtemp(path.join(MEMORY_FILES, 'stillframe-bench-'));
  // A signal ends the process without a way through `finally`.
  const removeScratch = (): void => rmSync(scratch, { recursive: true, force: true });
  process.once('exit', removeScratch);
  const rows: Row[] = [];
  const otherWork: number[] = [];
  try {
    await noise.measure();
    for (const benchmark of benchmarks) {
      const context: Context = {
        ...scale,
        peers,
        ours: oursWith(path.join(folder, 'addon.node'), oursProgram),
        migrateProgram,
        folder: scratch,
        withFile: (use) => useFile(path.join(scratch, 'image'), use),
        progress: (text) => progress(`${benchmark.name}: ${text}`),
      };
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the point
      const found = await measureOthers(() => benchmark.run(context));
      onRows(benchmark, found);
      rows.push(...found.rows);
      otherWork.push(found.otherWorkPercent);
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the point
      await noise.measure();
    }
  } finally {
    removeScratch();
    process.off('exit', removeScratch);
  }
  const isSteady = noise.isSteady && otherWork.every((percent) => percent <= OTHER_WORK_MAX_PERCENT);
  return { machine, isQuick, memcpy: noise.memcpy, isSteady, rows };
}

async function measureOthers(run: () => Promise<Row[]>): Promise<Measured> {
  const before = readCpuTicks();
  const rows = await run();
  return { rows, otherWorkPercent: otherWorkPercent(before, readCpuTicks()) };
}

async function useFile<T>(file: string, use: (file: string) => Promise<T>): Promise<T> {
  try {
    return await use(file);
  } finally {
    await rm(file, { force: true });
  }
}
