import type { WriterGate } from '../writer-gate.ts';
import { prepare, type Sqlite, SQLITE_DONE } from './sqlite-module.ts';
import { chooseTransfer, OPENING_BALANCE, type Transfer } from './transfer.ts';

/** The name in the third column of account `id`, as SQL. */
export const OWNER_SQL = `printf('owner of account %08d', id)`;

const SCHEMA = `
  CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, owner TEXT NOT NULL);
  CREATE TABLE journal (n INTEGER PRIMARY KEY, source INTEGER NOT NULL, target INTEGER NOT NULL, amount INTEGER NOT NULL);
`;

const FILL_SQL = `
  WITH RECURSIVE account(id) AS (VALUES (?1) UNION ALL SELECT id + 1 FROM account WHERE id < ?2)
  INSERT INTO accounts SELECT id, ${OPENING_BALANCE}, ${OWNER_SQL} FROM account
`;
/** A statement cannot be interrupted; this many rows take about 10 ms. */
const ROWS_PER_STATEMENT = 10_000;

/** A database of accounts in the linear memory of SQLite, and the transactions of the load as prepared statements. */
export class Bank {
  /** The `sqlite3*`. */
  readonly database: number;
  readonly #sqlite: Sqlite;
  readonly #gate: WriterGate;
  readonly #rows: number;
  readonly #begin: number;
  readonly #move: number;
  readonly #append: number;
  readonly #commit: number;
  readonly #transfer: Transfer = { source: 0, target: 0, amount: 0 };

  constructor(sqlite: Sqlite, gate: WriterGate, rows: number) {
    const database = new sqlite.api.oo1.DB(':memory:');
    database.exec(SCHEMA);
    this.database = database.pointer;
    this.#sqlite = sqlite;
    this.#gate = gate;
    this.#rows = rows;
    this.#begin = this.#prepare('BEGIN');
    this.#move = this.#prepare('UPDATE accounts SET balance = balance + ?2 WHERE id = ?1');
    this.#append = this.#prepare('INSERT INTO journal VALUES (?1, ?2, ?3, ?4)');
    this.#commit = this.#prepare('COMMIT');
  }

  /** Opens all accounts. False when told to end. */
  fill(): boolean {
    const fill = this.#prepare(FILL_SQL);
    for (let first = 1; first <= this.#rows; first += ROWS_PER_STATEMENT) {
      if (!this.#gate.pass()) return false;
      this.#bind(fill, 1, first);
      this.#bind(fill, 2, Math.min(this.#rows, first + ROWS_PER_STATEMENT - 1));
      this.#run(fill);
    }
    this.#sqlite.exports.sqlite3_finalize(fill);
    return true;
  }

  /** Transaction `n`, with a chance to rest between any two of its statements. False when told to end, half-way perhaps. */
  transact(n: number): boolean {
    chooseTransfer(n, this.#rows, this.#transfer);
    return (
      this.#step(this.#begin) &&
      this.#stepMove(this.#transfer.source, -this.#transfer.amount) &&
      this.#stepMove(this.#transfer.target, this.#transfer.amount) &&
      this.#stepAppend(n) &&
      this.#step(this.#commit)
    );
  }

  #stepMove(account: number, amount: number): boolean {
    this.#bind(this.#move, 1, account);
    this.#bind(this.#move, 2, amount);
    return this.#step(this.#move);
  }

  #stepAppend(n: number): boolean {
    this.#bind(this.#append, 1, n);
    this.#bind(this.#append, 2, this.#transfer.source);
    this.#bind(this.#append, 3, this.#transfer.target);
    this.#bind(this.#append, 4, this.#transfer.amount);
    return this.#step(this.#append);
  }

  #step(statement: number): boolean {
    if (!this.#gate.pass()) return false;
    const phase = this.#gate.phaseIndex();
    const startedMs = performance.now();
    this.#run(statement);
    this.#gate.record(phase, startedMs);
    return true;
  }

  #run(statement: number): void {
    const code = this.#sqlite.exports.sqlite3_step(statement);
    this.#sqlite.exports.sqlite3_reset(statement);
    if (code !== SQLITE_DONE) this.#fail(code);
  }

  #bind(statement: number, index: number, value: number): void {
    const code = this.#sqlite.exports.sqlite3_bind_int(statement, index, value);
    if (code !== 0) this.#fail(code);
  }

  #fail(code: number): never {
    throw new Error(`SQLite: ${this.#sqlite.api.capi.sqlite3_errmsg(this.database)} (code ${code})`);
  }

  #prepare(sql: string): number {
    return prepare(this.#sqlite, this.database, sql);
  }
}
