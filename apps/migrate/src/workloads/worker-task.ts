import type { KvServerTask } from '../kv-service/kv-server-task.ts';
import type { CounterTask } from './counter/counter-writer.ts';
import type { KvTask } from './kv/kv-writer.ts';
import type { SqliteOracleTask } from './sqlite/oracle-worker.ts';
import type { SqliteTask } from './sqlite/sqlite-writer.ts';

/** What a worker thread is started for; its `workerData`. */
export type WorkerTask = CounterTask | KvTask | KvServerTask | SqliteTask | SqliteOracleTask;
