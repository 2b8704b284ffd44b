import type { KvServerTask } from '../kv-service/kv-server-task.ts';
import type { CounterTask } from './counter/counter-writer.ts';
import type { KvTask } from './kv/kv-writer.ts';
import type { SqliteOracleTask } from './sqlite/oracle-worker.ts';
import type { SqliteTask } from './sqlite/sqlite-writer.ts';

/** Started ahead of time, because starting a thread takes tens of milliseconds: its task comes as its first message. */
export interface WaitingTask {
  readonly role: 'waiting';
}

/** What a worker thread is for; its `workerData`, or what it waited for. */
export type WorkerTask = CounterTask | KvTask | KvServerTask | SqliteTask | SqliteOracleTask;
