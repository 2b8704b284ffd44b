/* oxlint-disable no-await-in-loop -- one read after the other */
import type { MemoryAccount, PageBitmap } from '@stillframe/page-stream';
import type { DirtyRun, MovingGuest } from '../guest.ts';
import { PageSet } from '../pages/page-set.ts';

export interface ArrivedPagesOptions {
  readonly guest: Pick<MovingGuest, 'readPages'>;
  readonly account: MemoryAccount;
  /** They need not be sent any more. */
  readonly onArrived: (run: DirtyRun) => void;
}

/** Read at a time. */
const READ_BYTES = 256 * 1024;

/**
 * Counts in what the destination says has come on a lane of faults, where no JavaScript saw it go: the digest is of all that was sent. The guest
 * stands still, so what is read now is what went.
 */
export class ArrivedPages {
  readonly #options: ArrivedPagesOptions;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #working: Promise<void> = Promise.resolve();

  constructor(options: ArrivedPagesOptions) {
    this.#options = options;
  }

  /** In the order of the calls. Rejects when the guest cannot be read. */
  async add(bitmap: PageBitmap): Promise<void> {
    const working = this.#after(this.#working, bitmap);
    this.#working = working.catch(() => undefined);
    await working;
  }

  async #after(before: Promise<void>, bitmap: PageBitmap): Promise<void> {
    await before;
    const { account } = this.#options;
    const arrived = new PageSet(account.regions);
    arrived.addBitmap(bitmap);
    const { pageSize } = account.regions[bitmap.region]!;
    const most = Math.max(1, Math.floor(READ_BYTES / pageSize));
    for (const run of arrived.runs()) {
      for (let at = 0; at < run.pageCount; at += most) {
        const pageCount = Math.min(most, run.pageCount - at);
        await this.#countIn({ region: run.region, firstPage: run.firstPage + at, pageCount }, pageSize);
      }
    }
  }

  async #countIn(run: DirtyRun, pageSize: number): Promise<void> {
    const { guest, account, onArrived } = this.#options;
    const sizeBytes = run.pageCount * pageSize;
    const bytes = sizeBytes <= READ_BYTES ? this.#buffer.subarray(0, sizeBytes) : new Uint8Array(sizeBytes);
    const reading = guest.readPages(run.region, run.firstPage, bytes);
    if (reading !== undefined) await reading;
    account.terms[run.region]!.data(run.firstPage, bytes, 0);
    onArrived(run);
  }
}
