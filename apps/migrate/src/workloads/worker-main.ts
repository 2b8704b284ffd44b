import { workerData } from 'node:worker_threads';
import { runKvServer } from '../kv-service/kv-server-worker.ts';
import { runCounterWriter } from './counter/counter-writer.ts';
import { runKvWriter } from './kv/kv-writer.ts';
import { runSqliteOracle } from './sqlite/oracle-worker.ts';
import { runSqliteWriter } from './sqlite/sqlite-writer.ts';
import type { WorkerTask } from './worker-task.ts';

const task: WorkerTask = workerData;
switch (task.role) {
  case 'counter-writer':
    runCounterWriter(task);
    break;
  case 'kv-writer':
    runKvWriter(task);
    break;
  case 'kv-server':
    await runKvServer(task);
    break;
  case 'sqlite-writer':
    await runSqliteWriter(task);
    break;
  case 'sqlite-oracle':
    await runSqliteOracle(task);
    break;
  default:
    throw new TypeError(`unknown role in ${JSON.stringify(task)}`);
}
