import type { Worker } from 'node:worker_threads';
import { WorkloadError } from '../workloads/error.ts';
import { kvShape } from '../workloads/kv/kv-state.ts';
import { WarmThreads } from '../workloads/warm-threads.ts';
import type { KvServerEvent, KvServerOrder } from './kv-server-task.ts';

export interface KvServerOptions {
  /** The store's; whole pages, zero when it is new. Stays the caller's. */
  readonly memory: Uint8Array<SharedArrayBuffer>;
  /** `new` formats the memory; `there` takes up the store that came with it. */
  readonly store: 'new' | 'there';
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Where its thread comes from. By default a new one, which takes tens of milliseconds to start. */
  readonly threads?: WarmThreads;
}

/**
 * A key-value store in shared memory and the thread that serves it over TCP, in RESP (the protocol of Redis). It begins at rest:
 * clients can connect, and wait.
 *
 * Concurrency: orders are given one after the other; each waits for the answer to the one before.
 */
export class KvServer {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #port = 0;
  #failure: Error | undefined;
  #answer: { resolve(event: KvServerEvent): void; reject(error: Error): void } | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isGone = false;

  /** Throws WORKLOAD_START: the address is taken, or the memory holds no store. Nothing is left running. */
  static async start(options: KvServerOptions): Promise<KvServer> {
    const { memory, store, host, port, threads = new WarmThreads() } = options;
    const server = new KvServer(
      threads.take({
        role: 'kv-server',
        memory: memory.buffer,
        ...(store === 'new' ? { bucketCount: kvShape(memory.byteLength).bucketCount } : {}),
        host,
        port,
      }),
    );
    try {
      await server.#listening();
      return server;
    } catch (cause) {
      await server.stop();
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new WorkloadError('WORKLOAD_START', `the kv server does not start on ${host}:${port}: ${why}`, {
        cause,
      });
    }
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#worker.on('message', (event: KvServerEvent) => this.#answer?.resolve(event));
    this.#worker.on('error', (error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#answer?.reject(this.#failure);
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#isGone = true;
        this.#answer?.reject(
          this.#failure ?? new WorkloadError('WORKLOAD_STOPPED', 'the kv server has ended'),
        );
        resolve();
      });
    });
  }

  get port(): number {
    return this.#port;
  }

  /** Why the serving thread died, if it did. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Resolves when no request is being done and none will be. Idempotent. */
  async rest(): Promise<void> {
    await this.#order({ type: 'rest' });
  }

  /** Goes on, with what has arrived meanwhile first. Idempotent. */
  async serve(): Promise<void> {
    await this.#order({ type: 'serve' });
  }

  /** The store lives elsewhere: tells the clients where, if it is known, and ends. */
  async depart(movedTo = ''): Promise<void> {
    await this.#order({ type: 'depart', movedTo });
    await this.#ended;
  }

  /** Ends at once; clients see their connections close. Idempotent. */
  async stop(): Promise<void> {
    await this.#worker.terminate();
    await this.#ended;
  }

  async #listening(): Promise<void> {
    const event = await this.#hear();
    if (event.type === 'listening') this.#port = event.port;
  }

  #order(order: KvServerOrder): Promise<void> {
    const done = this.#after(this.#last, order);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #after(last: Promise<unknown>, order: KvServerOrder): Promise<void> {
    await last;
    if (this.#isGone) throw this.#failure ?? new WorkloadError('WORKLOAD_STOPPED', 'the kv server has ended');
    const heard = this.#hear();
    this.#worker.postMessage(order, []);
    await heard;
  }

  #hear(): Promise<KvServerEvent> {
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
    });
  }
}
