import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { addressOf } from '@stillframe/uffd';
import { ControlBlock, type ControlBuffers } from '../control-block.ts';
import { WriterGate } from '../writer-gate.ts';
import { Bank } from './bank.ts';
import { Published } from './published.ts';
import { loadSqlite, type Sqlite } from './sqlite-module.ts';
import { MAX_TRANSACTIONS } from './transfer.ts';

export interface SqliteTask {
  readonly role: 'sqlite-writer';
  readonly control: ControlBuffers;
  readonly published: SharedArrayBuffer;
  /** Of the linear memory at first. */
  readonly sizeBytes: number;
  readonly rows: number;
  /** Transactions per second; 0 means full speed. */
  readonly ratePerSecond: number;
}

/** Asks the resting worker for a copy of its linear memory. */
export interface CopyRequest {
  /** Exactly as large as the memory. */
  readonly copyInto: SharedArrayBuffer;
}

/** Commits transaction 1, 2, 3 … At rest, the transactions counted are committed, and the next one may be half done. */
export async function runSqliteWriter(task: SqliteTask): Promise<void> {
  const sqlite = await loadSqlite(task.sizeBytes);
  const published = new Published(task.published);
  const publishMemory = () => {
    const view = new Uint8Array(sqlite.memory.buffer);
    if (view.byteLength !== published.sizeBytes) {
      published.setMemory(addressOf(view).address, view.byteLength);
    }
  };
  const onRest = () => {
    publishMemory();
    published.stackPointer = sqlite.exports.emscripten_stack_get_current();
    answerRequests(sqlite);
  };
  const gate = new WriterGate(new ControlBlock(task.control), 0, task.ratePerSecond, onRest);
  const bank = new Bank(sqlite, gate, task.rows);
  published.database = bank.database;
  published.versionNumber = sqlite.versionNumber;
  published.buildHash.set(sqlite.buildHash);
  if (!bank.fill()) return;
  gate.ready();
  for (let n = 1; n <= MAX_TRANSACTIONS && gate.passPaced(); n++) {
    if (!bank.transact(n)) return;
    gate.count();
    publishMemory();
  }
}

function answerRequests(sqlite: Sqlite): void {
  if (!parentPort) return;
  for (
    let received = receiveMessageOnPort(parentPort);
    received;
    received = receiveMessageOnPort(parentPort)
  ) {
    const { copyInto }: CopyRequest = received.message;
    new Uint8Array(copyInto).set(new Uint8Array(sqlite.memory.buffer));
  }
}
