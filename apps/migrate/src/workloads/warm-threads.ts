import { Worker } from 'node:worker_threads';
import { workerFile } from './worker-file.ts';
import type { WaitingTask, WorkerTask } from './worker-task.ts';

const WAITING: WaitingTask = { role: 'waiting' };

/** Worker threads that have started and wait for their task: taking one costs a message instead of tens of milliseconds. */
export class WarmThreads {
  readonly #threads: Worker[] = [];

  /** Starts threads until `count` wait. */
  warm(count: number): void {
    while (this.#threads.length < count)
      this.#threads.push(new Worker(workerFile(), { workerData: WAITING }));
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
}
