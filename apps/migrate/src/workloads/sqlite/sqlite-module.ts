import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createWasmMemory, type WasmMemory } from '../wasm-memory.ts';
import { WASM_PAGE_BYTES } from '../guest-memory.ts';

/** The maximum that the build declares for its memory. */
export const MAX_SQLITE_BYTES = 2 ** 31;
/** What the build declares as its least. */
export const MIN_SQLITE_BYTES = 128 * WASM_PAGE_BYTES;

export const SQLITE_ROW = 100;
export const SQLITE_DONE = 101;

/** The functions of the build that are called without its JavaScript layer, which would make garbage for every call. */
export interface SqliteExports {
  sqlite3_step(statement: number): number;
  sqlite3_reset(statement: number): number;
  sqlite3_bind_int(statement: number, index: number, value: number): number;
  sqlite3_column_int(statement: number, column: number): number;
  sqlite3_finalize(statement: number): number;
  emscripten_stack_get_current(): number;
}

/** An `oo1.DB` of the build. */
interface SqliteDatabase {
  readonly pointer: number;
  exec(sql: string): unknown;
  selectValue(sql: string): unknown;
}

/** The part of the JavaScript layer that is used; its declarations lag behind what it does. */
export interface SqliteApi {
  readonly version: { readonly libVersionNumber: number };
  readonly oo1: {
    readonly DB: {
      new (name: string): SqliteDatabase;
      wrapHandle(database: number, takeOwnership: boolean): SqliteDatabase;
    };
  };
  readonly capi: {
    sqlite3_prepare_v2(database: number, sql: string, maxBytes: number, out: number, tail: null): number;
    sqlite3_column_count(statement: number): number;
    sqlite3_get_autocommit(database: number): number;
    sqlite3_errmsg(database: number): string;
    sqlite3_js_db_export(database: number): Uint8Array<ArrayBuffer>;
  };
  readonly wasm: {
    readonly exports: SqliteExports;
    scopedAllocPush(): unknown;
    scopedAllocPop(scope: unknown): void;
    scopedAllocPtr(): number;
    peekPtr(address: number): number;
  };
}

/** One instance of the official build: SQLite and everything it will ever allocate, in one linear memory. */
export interface Sqlite {
  readonly api: SqliteApi;
  readonly exports: SqliteExports;
  readonly memory: WasmMemory;
  /** E.g. 3054001. */
  readonly versionNumber: number;
  /** SHA-256 of the WebAssembly file: an image can only be brought up by the same one. */
  readonly buildHash: Uint8Array;
}

/**
 * Instantiates SQLite over a fresh memory of `sizeBytes`, a multiple of 64 KiB.
 *
 * Everyone who writes or reads an image comes through here: the function table is outside the linear memory, and it is the same in
 * two instances only because both were set up in the same way.
 */
export async function loadSqlite(sizeBytes: number): Promise<Sqlite> {
  const memory = createWasmMemory({
    initial: sizeBytes / WASM_PAGE_BYTES,
    maximum: MAX_SQLITE_BYTES / WASM_PAGE_BYTES,
  });
  const { default: init } = await import('@sqlite.org/sqlite-wasm');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its declarations leave the options out
  const setUp = init as unknown as (options: object) => Promise<SqliteApi>;
  // Nothing that SQLite prints may reach stdout, which carries results.
  const api = await setUp({ wasmMemory: memory, print: () => {}, printErr: () => {} });
  const file = createRequire(import.meta.url).resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm');
  return {
    api,
    exports: api.wasm.exports,
    memory,
    versionNumber: api.version.libVersionNumber,
    buildHash: createHash('sha256')
      .update(await readFile(file))
      .digest(),
  };
}

/** A prepared statement. Throws SQLite's own message. */
export function prepare(sqlite: Sqlite, database: number, sql: string): number {
  const { wasm, capi } = sqlite.api;
  const scope = wasm.scopedAllocPush();
  try {
    const out = wasm.scopedAllocPtr();
    const code = capi.sqlite3_prepare_v2(database, sql, -1, out, null);
    if (code !== 0)
      throw new Error(`SQLite: ${capi.sqlite3_errmsg(database)} (code ${code}), preparing ${sql}`);
    return wasm.peekPtr(out);
  } finally {
    wasm.scopedAllocPop(scope);
  }
}
