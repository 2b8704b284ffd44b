import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Workers that write into shared memory when told; one for each write that is under way, since a writer may sleep in a fault. */
export class Writers {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  #gate: Promise<void> = Promise.resolve();
  #open: (() => void) | undefined;
  readonly #underWay = new Set<Promise<void>>();

  /** Resolves when the write is done. During a pause it starts only after `resume`. */
  async write(memory: SharedArrayBuffer, offset: number, bytes: Uint8Array): Promise<void> {
    await this.#gate;
    const write = this.#store(memory, offset, bytes);
    this.#underWay.add(write);
    await write;
    this.#underWay.delete(write);
  }

  async pause(): Promise<void> {
    if (this.#open === undefined) {
      this.#gate = new Promise((resolve) => {
        this.#open = resolve;
      });
    }
    await Promise.all(this.#underWay);
  }

  resume(): void {
    this.#open?.();
    this.#open = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resume();
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  async #store(memory: SharedArrayBuffer, offset: number, bytes: Uint8Array): Promise<void> {
    const worker = this.#idle.pop() ?? this.#start();
    worker.postMessage({ memory, offset, bytes }, []);
    await once(worker, 'message');
    this.#idle.push(worker);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./writer.mjs', import.meta.url));
    this.#all.push(worker);
    return worker;
  }
}
