import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { workerFile } from './worker-file.ts';
import type { WaitingTask, WorkerTask } from './worker-task.ts';

const WAITING: WaitingTask = { role: 'waiting' };

/** Worker threads that have started and wait for their task: taking one costs a message instead of tens of milliseconds. */
export class WarmThreads {
  readonly #threads: Worker[] = [];

  /** Starts threads until there are `count`; resolves when they wait. One that does not start is done without. */
  async warm(count: number): Promise<void> {
    const missing = Math.max(0, count - this.#threads.length);
    await Promise.all(Array.from({ length: missing }, () => this.#start()));
  }

  /** A thread with this task: one that waits, or else a new one. The caller's from then on. */
  take(task: WorkerTask): Worker {
    const thread = this.#threads.pop();
    if (thread === undefined) return new Worker(workerFile(), { workerData: task });
    thread.postMessage(task, []);
    return thread;
  }

  /** Ends those that still wait. */
  async cool(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.terminate()));
  }

  async #start(): Promise<void> {
    const thread = new Worker(workerFile(), { workerData: WAITING });
    try {
      // Its first message says that it waits; `once` also rejects for an error of the thread.
      await once(thread, 'message');
      this.#threads.push(thread);
    } catch {
      await thread.terminate();
    }
  }
}
