import type { RequestedRun } from '@stillframe/page-stream';
import type { PageSender } from './page-sender.ts';

/** So many are read and written at a time: the next is read while the one before is on its way to the kernel. Each has a buffer. */
const UNDER_WAY = 4;

/** Answers on one connection, in the order of the questions; a frame for each run. */
export class AnswerLine {
  readonly #sender: PageSender;
  /** The last ones, which all others follow. */
  readonly #last: Promise<void>[] = [];

  constructor(sender: PageSender) {
    this.#sender = sender;
  }

  /** Resolves when the connection has taken them. Rejects when it is lost. */
  async answer(runs: readonly RequestedRun[]): Promise<void> {
    await Promise.all(runs.map((run) => this.#one(run)));
  }

  /** Resolves when nothing is left to answer. */
  async empty(): Promise<void> {
    await Promise.all(this.#last);
  }

  #one(run: RequestedRun): Promise<void> {
    const before = this.#last.length < UNDER_WAY ? undefined : this.#last.shift();
    const sending = this.#send(before, run);
    this.#last.push(sending.catch(() => undefined));
    return sending;
  }

  async #send(before: Promise<void> | undefined, run: RequestedRun): Promise<void> {
    if (before !== undefined) await before;
    await this.#sender.send([run], () => undefined);
  }
}
