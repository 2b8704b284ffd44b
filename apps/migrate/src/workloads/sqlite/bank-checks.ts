import { Finding } from '../findings.ts';
import type { OracleCheck } from '../workload.ts';
import { OWNER_SQL } from './bank.ts';
import { prepare, type Sqlite, SQLITE_DONE, SQLITE_ROW } from './sqlite-module.ts';
import type { SqliteState } from './sqlite-state.ts';
import { chooseTransfer, OPENING_BALANCE, type Transfer } from './transfer.ts';

/** Compares the whole database with what transactions 1 to the cut make of the accounts. */
export function checkBank(sqlite: Sqlite, database: number, state: SqliteState): OracleCheck[] {
  return [
    ...readable('database-readable', () => [checkIntegrity(sqlite, database)]),
    ...readable('journal-readable', () => checkJournal(sqlite, database, state)),
    ...readable('accounts-readable', () => checkAccounts(sqlite, database, state)),
  ];
}

/** What SQLite throws on a damaged database, or WebAssembly on a damaged memory, is a finding. */
function readable(name: string, run: () => OracleCheck[]): OracleCheck[] {
  try {
    return run();
  } catch (error) {
    return [{ name, ok: false, detail: error instanceof Error ? error.message : String(error) }];
  }
}

function checkIntegrity(sqlite: Sqlite, database: number): OracleCheck {
  const db = sqlite.api.oo1.DB.wrapHandle(database, false);
  // One problem is enough, and a hostile image could have very many.
  const said = String(db.selectValue('PRAGMA integrity_check(1)'));
  return {
    name: 'integrity-check',
    ok: said === 'ok',
    detail: `PRAGMA integrity_check: ${said.slice(0, 200)}`,
  };
}

function checkJournal(sqlite: Sqlite, database: number, { cut, rows }: SqliteState): OracleCheck[] {
  const lost = new Finding('none-lost', `the journal has transactions 1 to ${cut}`);
  const extra = new Finding('none-extra', 'the journal has no others');
  const exact = new Finding('journal-exact', 'every transaction in the journal is the one that was sent');
  const transfer: Transfer = { source: 0, target: 0, amount: 0 };
  let expected = 1;
  const sql = 'SELECT n, source, target, amount FROM journal ORDER BY n';
  eachRow(sqlite, database, sql, ([n, source, target, amount]) => {
    if (n! > cut || n! < expected) {
      extra.add(() => `transaction ${n} is in the journal, the cut is ${cut}`);
      return;
    }
    if (n! > expected) lost.add(() => `transactions ${expected} to ${n! - 1} are not in the journal`);
    expected = n! + 1;
    chooseTransfer(n!, rows, transfer);
    if (source !== transfer.source || target !== transfer.target || amount !== transfer.amount) {
      exact.add(() => `transaction ${n} is ${amount} from ${source} to ${target} in the journal`);
    }
  });
  if (expected <= cut) lost.add(() => `transactions ${expected} to ${cut} are not in the journal`);
  return [lost.check(), extra.check(), exact.check()];
}

function checkAccounts(sqlite: Sqlite, database: number, { cut, rows }: SqliteState): OracleCheck[] {
  const balances = replay(cut, rows);
  const every = new Finding('accounts-complete', `there are accounts 1 to ${rows}`);
  const exact = new Finding('balances-exact', `balances are those after ${cut} transactions`);
  const sum = new Finding('sum-constant', `the sum is ${rows * OPENING_BALANCE}, as at the start`);
  const owners = new Finding('owners-exact', 'owners are untouched');
  let total = 0;
  let count = 0;
  const sql = `SELECT id, balance, owner IS NOT ${OWNER_SQL} FROM accounts ORDER BY id`;
  eachRow(sqlite, database, sql, ([id, balance, changed]) => {
    count += 1;
    total += balance!;
    if (id !== count || count > rows) every.add(() => `account ${id} is number ${count} of ${rows}`);
    else if (balance !== balances[id]) exact.add(() => `account ${id} has ${balance}, not ${balances[id]}`);
    if (changed) owners.add(() => `the owner of account ${id} has changed`);
  });
  if (count !== rows) every.add(() => `there are ${count} accounts, not ${rows}`);
  if (total !== rows * OPENING_BALANCE) {
    sum.add(() => `the sum is ${total}, at the start it was ${rows * OPENING_BALANCE}`);
  }
  return [every.check(), exact.check(), sum.check(), owners.check()];
}

/** Balances by account number after transactions 1 to `cut`. */
function replay(cut: number, rows: number): Float64Array {
  const balances = new Float64Array(rows + 1).fill(OPENING_BALANCE);
  const transfer: Transfer = { source: 0, target: 0, amount: 0 };
  for (let n = 1; n <= cut; n++) {
    chooseTransfer(n, rows, transfer);
    balances[transfer.source]! -= transfer.amount;
    balances[transfer.target]! += transfer.amount;
  }
  return balances;
}

/** `row` is reused. */
function eachRow(
  sqlite: Sqlite,
  database: number,
  sql: string,
  visit: (row: readonly number[]) => void,
): void {
  const statement = prepare(sqlite, database, sql);
  const columns = sqlite.api.capi.sqlite3_column_count(statement);
  const row: number[] = Array.from({ length: columns }, () => 0);
  let code = sqlite.exports.sqlite3_step(statement);
  for (; code === SQLITE_ROW; code = sqlite.exports.sqlite3_step(statement)) {
    for (let column = 0; column < columns; column++) {
      row[column] = sqlite.exports.sqlite3_column_int(statement, column);
    }
    visit(row);
  }
  sqlite.exports.sqlite3_finalize(statement);
  if (code !== SQLITE_DONE)
    throw new Error(`SQLite: ${sqlite.api.capi.sqlite3_errmsg(database)} (code ${code})`);
}
