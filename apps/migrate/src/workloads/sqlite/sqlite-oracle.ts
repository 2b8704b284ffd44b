import { Worker } from 'node:worker_threads';
import { allHold } from '../findings.ts';
import { VerifyBudget } from '../verify-budget.ts';
import { workerFile } from '../worker-file.ts';
import type { Oracle, OracleCheck, OracleReport, VerifyOptions, WorkloadImage } from '../workload.ts';
import type { SqliteOracleAnswer, SqliteOracleTask } from './oracle-worker.ts';
import { readSqliteState, SQLITE_KIND, SQLITE_REGION } from './sqlite-state.ts';

/** JavaScript heap of the thread that brings an image up; it needs a few MiB. */
const ORACLE_HEAP_MIB = 256;

/** Brings the database up in a fresh instance of SQLite, in a thread of its own, and compares all of it with a replay. */
export const sqliteOracle: Oracle = {
  kind: SQLITE_KIND,
  async verify(image: WorkloadImage, options?: VerifyOptions): Promise<OracleReport> {
    const { cut } = readSqliteState(image.state);
    const { checks } = await ask(image, 'checks', options);
    return { ok: allHold(checks), cut, checks };
  },
};

/**
 * The database in an image as the bytes of an SQLite file, for any other tool. What was in progress at the cut is rolled back.
 *
 * Nothing else is verified. Throws RangeError when the image has no database that comes up.
 */
export async function exportDatabase(image: WorkloadImage, options?: VerifyOptions): Promise<Uint8Array> {
  const { checks, database } = await ask(image, 'database', options);
  if (database) return database;
  throw new RangeError(
    `no database in this image: ${checks.find((check) => !check.ok)?.detail ?? 'unknown'}`,
  );
}

async function ask(
  image: WorkloadImage,
  want: SqliteOracleTask['want'],
  options?: VerifyOptions,
): Promise<SqliteOracleAnswer> {
  const budget = new VerifyBudget(options);
  const state = readSqliteState(image.state);
  const region = image.regions.get(SQLITE_REGION);
  if (region?.byteLength !== state.sizeBytes) {
    const has = region?.byteLength ?? 'none';
    const detail = `the state speaks of ${state.sizeBytes} bytes, region ${SQLITE_REGION} has ${has}`;
    return { checks: [{ name: 'memory-size', ok: false, detail }] };
  }
  const size: OracleCheck = { name: 'memory-size', ok: true, detail: `${state.sizeBytes} bytes` };
  const copy = new Uint8Array(region);
  const answer = await runInThread({ role: 'sqlite-oracle', state, image: copy, want }, budget);
  return { ...answer, checks: [size, ...answer.checks] };
}

async function runInThread(task: SqliteOracleTask, budget: VerifyBudget): Promise<SqliteOracleAnswer> {
  budget.check();
  const worker = new Worker(workerFile(), {
    workerData: task,
    transferList: [task.image.buffer],
    resourceLimits: { maxOldGenerationSizeMb: ORACLE_HEAP_MIB },
    // What a hostile image makes SQLite print goes nowhere.
    stdout: true,
    stderr: true,
  });
  worker.stdout.resume();
  worker.stderr.resume();
  const stop = () => void worker.terminate();
  budget.signal.addEventListener('abort', stop, { once: true });
  try {
    return await answerOf(worker);
  } finally {
    budget.signal.removeEventListener('abort', stop);
    await worker.terminate();
    budget.check();
  }
}

/** A thread that breaks down was broken by the image: that is an answer, too. */
function answerOf(worker: Worker): Promise<SqliteOracleAnswer> {
  return new Promise((resolve) => {
    worker.once('message', resolve);
    worker.once('error', (error) => resolve(broken(`SQLite broke down on this image: ${error.message}`)));
    worker.once('exit', (code) => resolve(broken(`SQLite ended with code ${code} on this image`)));
  });
}

function broken(detail: string): SqliteOracleAnswer {
  return { checks: [{ name: 'attaches', ok: false, detail }] };
}
