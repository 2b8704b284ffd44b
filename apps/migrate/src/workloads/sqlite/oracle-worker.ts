import { parentPort } from 'node:worker_threads';
import type { OracleCheck } from '../workload.ts';
import { checkBank } from './bank-checks.ts';
import { loadSqlite, type Sqlite } from './sqlite-module.ts';
import type { SqliteState } from './sqlite-state.ts';

export interface SqliteOracleTask {
  readonly role: 'sqlite-oracle';
  readonly state: SqliteState;
  /** The linear memory at the cut; this worker's own copy. */
  readonly image: Uint8Array<ArrayBuffer>;
  readonly want: 'checks' | 'database';
}

export interface SqliteOracleAnswer {
  readonly checks: readonly OracleCheck[];
  /** The database as a file, if wanted and if it could be brought up. */
  readonly database?: Uint8Array<ArrayBuffer>;
}

/**
 * Brings a database up from an image, in a fresh instance of SQLite, and looks at it.
 *
 * The image may be hostile. SQLite then runs on memory that lies to it, inside the WebAssembly sandbox: it can trap, loop or use up
 * the 2 GiB, and its file system is one in memory. The starter ends this thread when its time is up.
 */
export async function runSqliteOracle(task: SqliteOracleTask): Promise<void> {
  const answer = await examine(task);
  parentPort?.postMessage(answer, answer.database ? [answer.database.buffer] : []);
}

async function examine({ state, image, want }: SqliteOracleTask): Promise<SqliteOracleAnswer> {
  const sqlite = await loadSqlite(image.byteLength);
  const build = checkBuild(sqlite, state);
  if (!build.ok) return { checks: [build] };
  new Uint8Array(sqlite.memory.buffer).set(image);
  try {
    const { database } = state;
    const attached = { name: 'attaches', ok: true, detail: attach(sqlite, database) };
    if (want === 'checks') return { checks: [build, attached, ...checkBank(sqlite, database, state)] };
    return { checks: [build, attached], database: sqlite.api.capi.sqlite3_js_db_export(database) };
  } catch (error) {
    const detail = `the database did not come up: ${error instanceof Error ? error.message : String(error)}`;
    return { checks: [build, { name: 'attaches', ok: false, detail }] };
  }
}

function checkBuild(sqlite: Sqlite, state: SqliteState): OracleCheck {
  const name = 'same-build';
  const { versionNumber, stackPointer } = state;
  if (!Buffer.from(sqlite.buildHash).equals(state.buildHash)) {
    const detail = `the image is of SQLite ${versionNumber}, this is ${sqlite.versionNumber} or another build of it`;
    return { name, ok: false, detail };
  }
  const here = sqlite.exports.emscripten_stack_get_current();
  if (stackPointer !== here) {
    return { name, ok: false, detail: `the stack pointer is ${stackPointer}, at rest it is ${here}` };
  }
  return { name, ok: true, detail: `SQLite ${versionNumber}, the same WebAssembly file` };
}

/** Takes over the handle; what was half done at the cut is rolled back, as after a crash. Returns what was found. */
function attach(sqlite: Sqlite, pointer: number): string {
  const database = sqlite.api.oo1.DB.wrapHandle(pointer, false);
  if (sqlite.api.capi.sqlite3_get_autocommit(pointer) !== 0)
    return 'the database came up between two transactions';
  database.exec('ROLLBACK');
  return 'the database came up, and the transaction that was open at the cut was rolled back';
}
