import type { Movable, MovableMemory, RunningMovable } from '../migration/movable.ts';
import { formatEndpoint, parseEndpoint } from '../options/endpoint.ts';
import { WorkloadError } from '../workloads/error.ts';
import { allocateGuestMemory } from '../workloads/guest-memory.ts';
import { MIN_KV_BYTES } from '../workloads/kv/kv-state.ts';
import { WarmThreads } from '../workloads/warm-threads.ts';
import { KvServer } from './kv-server.ts';

/** The memory's name on the wire. */
const REGION = 'kv';
const threads = new WarmThreads();

/**
 * The kv store, serving clients, as a guest that moves. Options: `listen` (HOST:PORT), `movedTo` (HOST:PORT that clients are told when the
 * store has moved; without it they look themselves), and for a new one `sizeBytes`.
 *
 * All of it is in its memory, also which requests of which session were done; so there is no state beside it.
 */
export const kvMovable: Movable = {
  name: 'kv/served@1',
  warm: () => threads.warm(1),
  cool: () => threads.cool(),
  async start({ sizeBytes = '', ...options }) {
    const bytes = Number(sizeBytes);
    if (!Number.isSafeInteger(bytes) || bytes < MIN_KV_BYTES) {
      throw new WorkloadError(
        'WORKLOAD_SPEC',
        `a kv store has at least ${MIN_KV_BYTES} bytes, not ${sizeBytes}`,
      );
    }
    const memory = allocateGuestMemory(bytes);
    const running = await serve(memory, 'new', options);
    await running.resume();
    return running;
  },
  async load({ memory, state }, options) {
    const store = memory.get(REGION);
    if (store === undefined || memory.size !== 1 || state.byteLength > 0) {
      throw new WorkloadError('WORKLOAD_STATE_INVALID', 'this is not the memory of a kv store');
    }
    return await serve(store, 'there', options);
  },
};

async function serve(
  memory: MovableMemory,
  store: 'new' | 'there',
  { listen = '', movedTo = '' }: Readonly<Record<string, string>>,
): Promise<RunningMovable> {
  const { host, port } = parseEndpoint(listen, '--serve');
  const server = await KvServer.start({ memory, store, host, port, threads });
  let isOver = false;
  return {
    memory: new Map([[REGION, memory]]),
    address: formatEndpoint({ host, port: server.port }),
    pause: () => server.rest(),
    resume: () => server.serve(),
    save: () => new Uint8Array(0),
    failure: () => server.failure,
    async stop(why) {
      if (isOver) return;
      isOver = true;
      if (why === 'moved' && server.failure === undefined) await server.depart(movedTo);
      else await server.stop();
    },
  };
}
