import { parentPort } from 'node:worker_threads';
import { KvStore } from '../workloads/kv/kv-store.ts';
import { KvCommands } from './kv-commands.ts';
import { KvConnections } from './kv-connections.ts';
import type { KvServerEvent, KvServerOrder, KvServerTask } from './kv-server-task.ts';

/** Serves a store from this thread, so that neither a capture nor a transfer on the main thread holds its clients up. */
export async function runKvServer(task: KvServerTask): Promise<void> {
  const memory = new Uint8Array(task.memory);
  const store =
    task.bucketCount === undefined ? KvStore.attach(memory) : KvStore.format(memory, task.bucketCount);
  const connections = new KvConnections(new KvCommands(store));
  const port = parentPort!;
  const say = (event: KvServerEvent) => port.postMessage(event, []);
  const depart = async (movedTo: string) => {
    await connections.depart(movedTo);
    say({ type: 'departed' });
    port.close();
  };
  port.on('message', (order: KvServerOrder) => {
    switch (order.type) {
      case 'rest':
        connections.rest();
        return say({ type: 'resting' });
      case 'serve':
        connections.serve();
        return say({ type: 'serving' });
      case 'depart':
        return void depart(order.movedTo);
    }
  });
  say({ type: 'listening', port: await connections.listen(task.host, task.port) });
}
