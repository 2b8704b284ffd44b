import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { exportDatabase, type Workload, type WorkloadImage } from '../../src/workloads/index.ts';
import { loadSqlite } from '../../src/workloads/sqlite/sqlite-module.ts';
import { sqliteOracle } from '../../src/workloads/sqlite/sqlite-oracle.ts';
import {
  packSqliteState,
  readSqliteState,
  SQLITE_REGION,
  type SqliteState,
} from '../../src/workloads/sqlite/sqlite-state.ts';
import { packState } from '../../src/workloads/state-cursor.ts';
import {
  codeOf,
  copyImage,
  memoryOf,
  takeImage,
  takeTwoImages,
  withWorkload,
  writesDone,
} from './take-image.ts';

const SPEC = 'sqlite,rows=20000,size=8MiB,rate=0';
const SIZE = 8 * 2 ** 20;

let images: [WorkloadImage, WorkloadImage];
let state: SqliteState;

beforeAll(async () => {
  images = await takeTwoImages(SPEC, 1000);
  state = readSqliteState(images[0].state);
});

/** The image with other numbers in its state. */
function restate(changes: Partial<SqliteState>): WorkloadImage {
  return { ...images[0], state: packSqliteState({ ...state, ...changes }) };
}

/** The image of the same database after `sql`, which may leave a transaction open. */
async function edit(sql: string): Promise<WorkloadImage> {
  const sqlite = await loadSqlite(SIZE);
  const memory = new Uint8Array(sqlite.memory.buffer);
  memory.set(memoryOf(images[0]));
  const database = sqlite.api.oo1.DB.wrapHandle(state.database, false);
  if (sqlite.api.capi.sqlite3_get_autocommit(state.database) === 0) database.exec('ROLLBACK');
  database.exec(sql);
  expect(sqlite.memory.buffer.byteLength).toBe(SIZE);
  return { state: images[0].state, regions: new Map([[SQLITE_REGION, memory]]) };
}

async function failedChecks(image: WorkloadImage): Promise<string[]> {
  const report = await sqliteOracle.verify(image);
  const failed = report.checks.filter(({ ok }) => !ok).map(({ name }) => name);
  expect(report.ok).toBe(failed.length === 0);
  return failed;
}

/** False when the oracle passes the image. On a damaged heap SQLite may also loop; then the time limit is the answer. */
async function isRefused(image: WorkloadImage): Promise<boolean> {
  try {
    return !(await sqliteOracle.verify(image, { timeoutMs: 3000 })).ok;
  } catch (error) {
    return codeOf(error, 'WORKLOAD_ORACLE_TIMEOUT') !== undefined;
  }
}

const detailOf = async (image: WorkloadImage, name: string) =>
  (await sqliteOracle.verify(image)).checks.find((check) => check.name === name)?.detail;

describe('the oracle of sqlite', () => {
  test('passes an image taken at rest under load', async () => {
    const reports = await Promise.all(images.map((image) => sqliteOracle.verify(image)));
    expect(reports.flatMap(({ checks }) => checks.filter(({ ok }) => !ok))).toEqual([]);
    expect(reports.map(({ ok }) => ok)).toEqual([true, true]);
    expect(reports[1]!.cut).toBeGreaterThanOrEqual(reports[0]!.cut + 1000);
  });

  test('rolls back what was open at the cut', async () => {
    const image = await edit('BEGIN; DELETE FROM journal; UPDATE accounts SET balance = 0;');
    expect(await failedChecks(image)).toEqual([]);
    expect(await detailOf(image, 'attaches')).toContain('rolled back');
  });

  test.for([
    ['a lost transaction', 'DELETE FROM journal WHERE n = 5', ['none-lost']],
    ['an extra transaction', 'INSERT INTO journal VALUES (1000000, 1, 2, 3)', ['none-extra']],
    ['a transaction of number 0', 'INSERT INTO journal VALUES (0, 1, 2, 3)', ['none-extra']],
    [
      'a transaction with another amount',
      'UPDATE journal SET amount = amount + 1 WHERE n = 5',
      ['journal-exact'],
    ],
    ['an empty journal', 'DELETE FROM journal', ['none-lost']],
    [
      'money from nowhere',
      'UPDATE accounts SET balance = balance + 1 WHERE id = 9',
      ['balances-exact', 'sum-constant'],
    ],
    [
      'a transfer that is not in the journal',
      'UPDATE accounts SET balance = balance + iif(id = 9, 1, -1) WHERE id IN (9, 10)',
      ['balances-exact'],
    ],
    ['a lost account', 'DELETE FROM accounts WHERE id = 20000', ['accounts-complete', 'sum-constant']],
    [
      'an extra account',
      `INSERT INTO accounts VALUES (20001, 0, 'owner of account 00020001')`,
      ['accounts-complete'],
    ],
    ['another owner', `UPDATE accounts SET owner = 'nobody' WHERE id = 9`, ['owners-exact']],
    [
      'no owner',
      `PRAGMA writable_schema = 1; UPDATE accounts SET owner = X'' WHERE id = 9`,
      ['owners-exact'],
    ],
    ['no journal', 'DROP TABLE journal', ['journal-readable']],
  ] as const)('finds %s', async ([, sql, expected]) => {
    expect(await failedChecks(await edit(sql))).toEqual(expected);
  });

  test('finds a database page of zeros', async () => {
    const image = await edit('UPDATE sqlite_dbpage SET data = zeroblob(8192) WHERE pgno = 4');
    expect(await failedChecks(image)).toContain('integrity-check');
  });

  test('says which transactions are missing or too many', async () => {
    const { cut } = state;
    expect(await failedChecks(restate({ cut: cut + 2 }))).toContain('none-lost');
    expect(await detailOf(restate({ cut: cut + 2 }), 'none-lost')).toBe(
      `transactions ${cut + 1} to ${cut + 2} are not in the journal`,
    );
    expect(await failedChecks(restate({ cut: cut - 1 }))).toContain('none-extra');
  });

  test.for([
    ['second', 0, 1],
    ['first', 1, 0],
  ] as const)('finds memory of another moment, the %s', async ([, older, newer]) => {
    // Inside the heap of the database.
    for (const at of [1.25, 1.5].map((mebibytes) => mebibytes * 2 ** 20)) {
      const mixed = copyImage(images[older]);
      memoryOf(mixed).set(memoryOf(images[newer]).subarray(at), at);
      // oxlint-disable-next-line no-await-in-loop -- each takes a core
      expect(await isRefused(mixed), `from byte ${at}`).toBe(true);
    }
  });

  test.for([
    ['zeros', (memory: Uint8Array) => memory.fill(0)],
    ['ones', (memory: Uint8Array) => memory.fill(0xff)],
    [
      'a pattern',
      (memory: Uint8Array) => memory.forEach((_, at) => (memory[at] = Math.imul(at, 0x9e3779b1) >>> 24)),
    ],
    ['a heap of ones', (memory: Uint8Array) => memory.fill(0xff, 2 ** 20)],
    ['a heap of zeros', (memory: Uint8Array) => memory.fill(0, 2 ** 20)],
    ['a handle of zeros', (memory: Uint8Array) => memory.fill(0, state.database, state.database + 400)],
    ['a handle of ones', (memory: Uint8Array) => memory.fill(0xff, state.database, state.database + 400)],
  ] as const)('survives %s', async ([, damage]) => {
    const image = copyImage(images[0]);
    damage(memoryOf(image));
    expect(await isRefused(image)).toBe(true);
  });

  test.for([
    ['a handle that is not one', { database: 8 }, 'attaches'],
    ['a handle at the end of the memory', { database: SIZE - 1 }, 'attaches'],
    ['a stack in use', { stackPointer: 1024 }, 'same-build'],
    ['another build', { buildHash: new Uint8Array(32) }, 'same-build'],
    ['a memory that is not the region', { sizeBytes: SIZE + 65_536 }, 'memory-size'],
    ['more accounts than there are', { rows: 20_001 }, 'accounts-complete'],
  ] as const)('finds a state with %s', async ([, changes, check]) => {
    expect(await failedChecks(restate(changes))).toContain(check);
  });

  test('finds an image without its region', async () => {
    expect(await failedChecks({ state: images[0].state, regions: new Map() })).toEqual(['memory-size']);
  });

  const hash = new Uint8Array(32);
  test.for([
    ['nothing', new Uint8Array(), 0],
    ['a hash one byte short', packState([1, 2, SIZE, 8, 8, 1], new Uint8Array(31)), 48],
    ['a hash one byte long', packState([1, 2, SIZE, 8, 8, 1], new Uint8Array(33)), 80],
    ['a negative cut', packState([-1, 2, SIZE, 8, 8, 1], hash), 0],
    ['a cut beyond the last transaction', packState([2 ** 31, 2, SIZE, 8, 8, 1], hash), 0],
    ['a cut that is no number', packState([Number.NaN, 2, SIZE, 8, 8, 1], hash), 0],
    ['one account', packState([1, 1, SIZE, 8, 8, 1], hash), 8],
    ['more accounts than fit', packState([1, 10_000_001, SIZE, 8, 8, 1], hash), 8],
    ['a memory too small', packState([1, 2, SIZE - 65_536, 8, 8, 1], hash), 16],
    ['a memory too large', packState([1, 2, 2 ** 31 + 65_536, 8, 8, 1], hash), 16],
    ['a memory of half a page', packState([1, 2, SIZE + 1, 8, 8, 1], hash), 16],
    ['no handle', packState([1, 2, SIZE, 0, 8, 1], hash), 24],
    ['a handle outside the memory', packState([1, 2, SIZE, SIZE, 8, 1], hash), 24],
    ['no stack', packState([1, 2, SIZE, 8, 0, 1], hash), 32],
    ['a stack outside the memory', packState([1, 2, SIZE, 8, SIZE, 1], hash), 32],
    ['no version', packState([1, 2, SIZE, 8, 8, 0], hash), 40],
  ] as const)('refuses a state with %s', async ([, bytes, offset]) => {
    const image = { state: { kind: sqliteOracle.kind, bytes }, regions: images[0].regions };
    await expect(sqliteOracle.verify(image)).rejects.toMatchObject({
      code: 'WORKLOAD_STATE_INVALID',
      offset,
    });
    await expect(exportDatabase(image)).rejects.toMatchObject({ code: 'WORKLOAD_STATE_INVALID', offset });
  });

  test('an image that makes SQLite loop for ever runs into the time limit', async () => {
    const image = await edit(`
      DROP TABLE accounts;
      CREATE VIEW accounts AS
        WITH RECURSIVE endless(id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM endless)
        SELECT id, 1000 AS balance, '' AS owner FROM endless WHERE id < 0;
    `);
    await expect(sqliteOracle.verify(image, { timeoutMs: 500 })).rejects.toMatchObject({
      code: 'WORKLOAD_ORACLE_TIMEOUT',
    });
    const reason = new Error('enough');
    const controller = new AbortController();
    const verifying = sqliteOracle.verify(image, { signal: controller.signal });
    controller.abort(reason);
    await expect(verifying).rejects.toBe(reason);
  });
});

/** Pauses until the pause falls into a transaction. */
async function takeImageInTransaction(workload: Workload): Promise<WorkloadImage> {
  // Five of six pauses do at full speed.
  for (let attempt = 0; attempt < 12; attempt++) {
    // oxlint-disable-next-line no-await-in-loop -- one pause after the other
    const image = await takeImage(workload);
    // oxlint-disable-next-line no-await-in-loop -- one pause after the other
    if ((await detailOf(image, 'attaches'))?.includes('rolled back')) return image;
  }
  throw new Error('no pause fell into a transaction');
}

describe('sqlite under load', () => {
  test('a pause in the middle of a transaction is a cut like any other', async () => {
    const image = await withWorkload(SPEC, takeImageInTransaction);
    expect(await failedChecks(image)).toEqual([]);
  });

  test('another tool opens the exported database and agrees', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'stillframe-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'export.sqlite');
    writeFileSync(file, await exportDatabase(images[0]));
    const script = [
      'import json, sqlite3, sys',
      'run = sqlite3.connect(sys.argv[1]).execute',
      'first = lambda sql: run(sql).fetchone()',
      `print(json.dumps([first('PRAGMA integrity_check'), first('SELECT count(*), min(n), max(n) FROM journal'),`,
      `  first('SELECT count(*), sum(balance) FROM accounts')]))`,
    ].join('\n');
    const said: unknown = JSON.parse(execFileSync('python3', ['-c', script, file], { encoding: 'utf8' }));
    expect(said).toEqual([['ok'], [state.cut, 1, state.cut], [20_000, 20_000_000]]);
  });

  test('an image without a database cannot be exported', async () => {
    const image = copyImage(images[0]);
    memoryOf(image).fill(0);
    await expect(exportDatabase(image)).rejects.toThrow(/no database in this image/);
  });

  test('memory that grows after its ranges were read fails the snapshot, and the next one works', async () => {
    await withWorkload('sqlite,rows=190000,size=8MiB,rate=0', async (workload) => {
      const before = workload.memory[0]!;
      const grown = async () => {
        await writesDone(workload, 1000);
        await workload.pause();
        try {
          workload.saveState();
          return false;
        } catch (error) {
          return codeOf(error, 'WORKLOAD_MEMORY_GREW') !== undefined;
        } finally {
          await workload.resume();
        }
      };
      // oxlint-disable-next-line no-await-in-loop -- until it has grown
      while (!(await grown()));
      const after = workload.memory[0]!;
      expect(after.sizeBytes).toBeGreaterThan(before.sizeBytes);
      expect(after.address).toBe(before.address);
      expect(await failedChecks(await takeImage(workload))).toEqual([]);
    });
  });
});
