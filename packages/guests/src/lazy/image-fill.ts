import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { PageServer } from '@stillframe/uffd';
import type { ImageFiles } from './image-files.ts';
import type { LostRun } from './image-filler.ts';
import type { FillWord, FillTask } from './worker-task.ts';
import { workerFile } from './worker-file.ts';

export interface FillOptions {
  /** URL of a module that exports a `pageCodec`, e.g. `import.meta.resolve('@stillframe/page-codec')`. Default: the one in JavaScript. */
  readonly codecModule?: string;
  /** Pages of the image in one page of the memory, for huge pages. Default 1. */
  readonly pagesPerPage?: number;
  /** Tells of lost pages on stderr as well, before who waits for them is ended by SIGBUS: that may be this process. Default false. */
  readonly tellsStderr?: boolean;
  /** Called on this thread, when it is not asleep in a fault itself. */
  readonly onLost?: (lost: LostRun) => void;
}

/** A thread that fills the pages of a server from an image. It ends when the server is closed; disposing waits for that. */
export class ImageFill {
  readonly #worker: Worker;
  #failure: unknown;
  #ended = false;

  private constructor(worker: Worker, onLost: (lost: LostRun) => void) {
    this.#worker = worker;
    worker.on('message', (word: FillWord) => {
      if (word.type === 'lost') onLost(word);
    });
    worker.on('exit', () => {
      this.#ended = true;
    });
    worker.on('error', (error) => {
      this.#failure = error;
    });
  }

  /** Resolves when it answers. Rejects with PageStreamError when the image cannot be opened. */
  static async start(server: PageServer, files: ImageFiles, options: FillOptions = {}): Promise<ImageFill> {
    const { codecModule, pagesPerPage = 1, tellsStderr = false, onLost = () => undefined } = options;
    const task: FillTask = {
      files: files.files,
      serverId: server.id,
      pagesPerPage,
      codecModule,
      tellsStderr,
    };
    const worker = new Worker(workerFile(), { workerData: task, execArgv: [] });
    worker.unref();
    const fill = new ImageFill(worker, onLost);
    worker.ref();
    await once(worker, 'message');
    worker.unref();
    return fill;
  }

  /** Why the thread has ended early; undefined while it runs. */
  get failure(): unknown {
    return this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    const ended = once(this.#worker, 'exit');
    this.#worker.ref();
    await ended;
  }
}
