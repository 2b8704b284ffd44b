import type { GuestState } from '@stillframe/snapshot';
import { WorkloadError } from '../error.ts';
import { WASM_PAGE_BYTES } from '../guest-memory.ts';
import { packState, StateCursor } from '../state-cursor.ts';
import { MAX_SQLITE_BYTES, MIN_SQLITE_BYTES } from './sqlite-module.ts';
import { MAX_ROWS, MAX_TRANSACTIONS, MIN_ROWS } from './transfer.ts';

export const SQLITE_KIND = 'workload/sqlite@1';
export const SQLITE_REGION = 'sqlite';
const BUILD_HASH_BYTES = 32;

/** The state: the fields in this order as doubles, then the hash of the build. */
export interface SqliteState {
  /** The last committed transaction. */
  readonly cut: number;
  readonly rows: number;
  readonly sizeBytes: number;
  readonly database: number;
  readonly stackPointer: number;
  readonly versionNumber: number;
  readonly buildHash: Uint8Array;
}

export function packSqliteState(state: SqliteState): GuestState {
  const { cut, rows, sizeBytes, database, stackPointer, versionNumber } = state;
  const numbers = [cut, rows, sizeBytes, database, stackPointer, versionNumber];
  return { kind: SQLITE_KIND, bytes: packState(numbers, state.buildHash) };
}

/** Throws WORKLOAD_STATE_INVALID. */
export function readSqliteState(state: GuestState): SqliteState {
  const cursor = new StateCursor(state.bytes);
  const cut = cursor.integer('cut', 0, MAX_TRANSACTIONS);
  const rows = cursor.integer('rows', MIN_ROWS, MAX_ROWS);
  const sizeBytes = cursor.integer('memory size', MIN_SQLITE_BYTES, MAX_SQLITE_BYTES);
  if (sizeBytes % WASM_PAGE_BYTES !== 0) {
    throw new WorkloadError('WORKLOAD_STATE_INVALID', `memory size ${sizeBytes} is not whole pages`, {
      offset: 16,
    });
  }
  const database = cursor.integer('database', 1, sizeBytes - 1);
  const stackPointer = cursor.integer('stack pointer', 1, sizeBytes - 1);
  const versionNumber = cursor.integer('version', 1, Number.MAX_SAFE_INTEGER);
  const buildHash = cursor.bytes('the hash of the build', BUILD_HASH_BYTES);
  cursor.end();
  return { cut, rows, sizeBytes, database, stackPointer, versionNumber, buildHash };
}
