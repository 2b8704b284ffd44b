/* oxlint-disable no-await-in-loop -- batches go one after the other: that is the flow control */
import type { MemoryAccount, MigrationEncoder } from '@stillframe/page-stream';
import { attempt } from '../error.ts';
import type { DirtyRun, MovingGuest } from '../guest.ts';
import type { MigrationLink } from '../link/migration-link.ts';
import { BATCH_BYTES, batchesOf, type PageBatch } from './page-batches.ts';

/** One is written while the next is read. */
const BUFFERS = 2;

export interface PageSenderOptions {
  readonly guest: MovingGuest;
  readonly link: MigrationLink;
  readonly encoder: MigrationEncoder;
  readonly account: MemoryAccount;
}

/** Reads pages of the guest and sends them on one connection, in bounded memory. */
export class PageSender {
  readonly #options: PageSenderOptions;
  readonly #pageSizes: readonly number[];
  readonly #buffers: Uint8Array[] = [];
  #sentPages = 0;

  constructor(options: PageSenderOptions) {
    this.#options = options;
    this.#pageSizes = options.account.regions.map(({ pageSize }) => pageSize);
  }

  /** Pages handed to the connection so far, with those that came again. */
  get sentPages(): number {
    return this.#sentPages;
  }

  /**
   * Resolves when the connection has taken them all. `check` is asked before each batch: what it throws ends the sending, and so does true.
   * @returns What was not sent for that.
   */
  async send(runs: Iterable<DirtyRun>, check: () => boolean | void): Promise<DirtyRun[]> {
    const unsent: DirtyRun[] = [];
    const writing: Promise<void>[] = [];
    try {
      for (const batch of batchesOf(runs, this.#pageSizes)) {
        if (unsent.length > 0 || check() === true) {
          unsent.push(...batch.runs.map((run) => ({ ...run, region: batch.region })));
          continue;
        }
        if (writing.length === BUFFERS) await writing.shift();
        const pending = this.#write(batch, await this.#read(batch));
        pending.catch(() => undefined);
        writing.push(pending);
      }
      await Promise.all(writing);
      return unsent;
    } finally {
      await Promise.allSettled(writing);
    }
  }

  async #read({ region, runs, sizeBytes }: PageBatch): Promise<Uint8Array> {
    const buffer = this.#buffers.pop() ?? new Uint8Array(Math.max(BATCH_BYTES, sizeBytes));
    const bytes = buffer.length >= sizeBytes ? buffer.subarray(0, sizeBytes) : new Uint8Array(sizeBytes);
    const pageSize = this.#pageSizes[region]!;
    await attempt('guest-failed', 'read pages', async () => {
      let at = 0;
      for (const { firstPage, pageCount } of runs) {
        const end = at + pageCount * pageSize;
        const reading = this.#options.guest.readPages(region, firstPage, bytes.subarray(at, end));
        if (reading !== undefined) await reading;
        at = end;
      }
    });
    return bytes;
  }

  async #write({ region, runs }: PageBatch, bytes: Uint8Array): Promise<void> {
    const { link, encoder } = this.#options;
    for (const { pageCount } of runs) this.#sentPages += pageCount;
    await link.send(encoder.pages(region, runs, bytes));
    this.#buffers.push(new Uint8Array(bytes.buffer));
  }
}
