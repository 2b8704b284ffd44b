import { Worker } from 'node:worker_threads';
import { COMMAND_STOP, type ControlBlock } from './control-block.ts';
import { WorkloadError } from './error.ts';
import type { WorkerTask } from './worker-task.ts';
import { workerFile } from './worker-file.ts';
import type { WriterMessage } from './writer-gate.ts';

/** A promise that someone settles later; nobody has to listen to it. */
interface Pending {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function pending(): Pending {
  let settle: Pick<Pending, 'resolve' | 'reject'>;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => {});
  return { promise, ...settle! };
}

/** What the team needs of a `Worker`. */
export interface WriterThread {
  on(event: 'message', listener: (message: WriterMessage) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  postMessage(message: unknown, transfer: readonly never[]): void;
}

function startThread(task: WorkerTask): WriterThread {
  return new Worker(workerFile(), { workerData: task });
}

/**
 * The starter's side: the worker threads of one workload, brought to rest and let go together.
 *
 * Ordering: a writer reports at rest by message, so everything it wrote before is visible when `pause` resolves.
 * Concurrency: the command is a number that grows; a report that carries an older one is ignored, so a writer that rested for the
 * pause before this one does not count for this one.
 * Not handled: a writer that sleeps in a fault nobody resolves. `pause` and `stop` wait for it; killing its thread would, too.
 */
export class WriterTeam {
  readonly #control: ControlBlock;
  readonly #threads: readonly WriterThread[];
  readonly #ended: Promise<unknown>;
  readonly #started = pending();
  readonly #resting = new Set<number>();
  #unready: number;
  #pause: Pending | undefined;
  #failure: Error | undefined;
  #stopping = false;

  /** One thread for each task, started here. Wait for `started()`. */
  constructor(control: ControlBlock, tasks: readonly WorkerTask[], startOne = startThread) {
    this.#control = control;
    this.#unready = tasks.length;
    this.#threads = tasks.map((task) => startOne(task));
    this.#ended = Promise.all(this.#threads.map((thread, index) => this.#watch(thread, index)));
  }

  /** Resolves when every writer has filled its memory; rejects, with all of them stopped, when one could not. */
  async started(): Promise<void> {
    try {
      await this.#started.promise;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  get paused(): boolean {
    return this.#pause !== undefined && this.#resting.size === this.#threads.length;
  }

  pause(): Promise<void> {
    if (this.#stopping)
      return Promise.reject(new WorkloadError('WORKLOAD_STOPPED', 'the workload is stopped'));
    if (this.#failure) return Promise.reject(this.#failure);
    if (!this.#pause) {
      this.#pause = pending();
      this.#control.give(this.#control.command() + 1);
    }
    return this.#pause.promise;
  }

  resume(): void {
    if (this.#stopping || !this.#pause) return;
    this.#pause.reject(new WorkloadError('WORKLOAD_RESUMED', 'resumed before every writer was at rest'));
    this.#pause = undefined;
    this.#resting.clear();
    this.#control.give(this.#control.command() + 1);
  }

  /** While paused: hands every resting writer a message, and waits until all have dealt with it and rest again. */
  hand(message: unknown): Promise<void> {
    if (!this.paused) {
      return Promise.reject(new WorkloadError('WORKLOAD_NOT_PAUSED', 'the writers are not at rest'));
    }
    for (const thread of this.#threads) thread.postMessage(message, []);
    this.#resting.clear();
    this.#pause = pending();
    // Odd again: a writer wakes, finds the message, and reports a second time.
    this.#control.give(this.#control.command() + 2);
    return this.#pause.promise;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#control.give(COMMAND_STOP);
    const error = new WorkloadError('WORKLOAD_STOPPED', 'the workload was stopped');
    this.#pause?.reject(error);
    this.#started.reject(error);
    await this.#ended;
  }

  #watch(thread: WriterThread, index: number): Promise<void> {
    thread.on('message', (message) => this.#hear(message, index));
    thread.on('error', (cause) => this.#lose(cause));
    return new Promise((resolve) => {
      thread.on('exit', (code) => {
        if (!this.#stopping) this.#lose(new Error(`writer ${index} exited with code ${code}`));
        resolve();
      });
    });
  }

  #hear(message: WriterMessage, index: number): void {
    if (message.type === 'ready') {
      this.#unready -= 1;
      if (this.#unready === 0) this.#started.resolve();
    } else if (this.#pause && message.command === this.#control.command()) {
      this.#resting.add(index);
      if (this.#resting.size === this.#threads.length) this.#pause.resolve();
    }
  }

  #lose(cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#failure ??= new WorkloadError('WORKLOAD_WRITER_DIED', `a writer died: ${reason}`, { cause });
    this.#started.reject(new WorkloadError('WORKLOAD_START', `a worker did not start: ${reason}`, { cause }));
    this.#pause?.reject(this.#failure);
  }
}
