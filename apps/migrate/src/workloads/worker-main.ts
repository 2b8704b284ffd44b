import { parentPort, workerData } from 'node:worker_threads';
import { runKvServer } from '../kv-service/kv-server-worker.ts';
import { runCounterWriter } from './counter/counter-writer.ts';
import { runKvWriter } from './kv/kv-writer.ts';
import { runSqliteOracle } from './sqlite/oracle-worker.ts';
import { runSqliteWriter } from './sqlite/sqlite-writer.ts';
import type { WaitingTask, WorkerTask } from './worker-task.ts';

const first: WorkerTask | WaitingTask = workerData;
if (first.role === 'waiting') {
  parentPort?.once('message', (task: WorkerTask) => void run(task));
  parentPort?.postMessage({ type: 'waiting' }, []);
} else await run(first);

async function run(task: WorkerTask): Promise<void> {
  switch (task.role) {
    case 'counter-writer':
      return runCounterWriter(task);
    case 'kv-writer':
      return runKvWriter(task);
    case 'kv-server':
      return await runKvServer(task);
    case 'sqlite-writer':
      return await runSqliteWriter(task);
    case 'sqlite-oracle':
      return await runSqliteOracle(task);
    default:
      throw new TypeError(`unknown role in ${JSON.stringify(task)}`);
  }
}
