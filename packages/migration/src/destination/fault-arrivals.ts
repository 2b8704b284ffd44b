import type { MemoryAccount } from '@stillframe/page-stream';
import type { LazyMemory } from '../guest.ts';
import type { MigrationLink } from '../link/migration-link.ts';
import { PageSet } from '../pages/page-set.ts';

export interface FaultArrivalsOptions {
  readonly memory: Pick<LazyMemory, 'takeArrivals'>;
  readonly account: MemoryAccount;
  /** What has to be asked for yet; what has come is taken out. */
  readonly missing: PageSet;
  /** The first connection. */
  readonly link: MigrationLink;
  readonly onFailure: (error: unknown) => void;
}

/** The source is told after so many: 16 MiB, of which a bitmap takes a part in a hundred at most. */
const TOLD_PAGES = 4096;

/**
 * The record of what came on a lane of faults, which native threads have put in: they are counted in here, are not asked for again, and the
 * source is told, which counts them in as well.
 */
export class FaultArrivals {
  readonly #options: FaultArrivalsOptions;
  #untold: PageSet;
  #pages = 0;

  constructor(options: FaultArrivalsOptions) {
    this.#options = options;
    this.#untold = new PageSet(options.account.regions);
  }

  get pages(): number {
    return this.#pages;
  }

  /** Notes what came since the last call. @returns The last one, if there was any. */
  take(): { readonly region: number; readonly page: number } | undefined {
    const { memory, account, missing } = this.#options;
    const arrivals = memory.takeArrivals?.() ?? [];
    this.#pages += arrivals.length;
    for (const { region, page, crc32c } of arrivals) {
      if (!account.terms[region]!.arrived(page, crc32c)) continue;
      const run = { region, firstPage: page, pageCount: 1 };
      missing.delete(run);
      this.#untold.add(run);
    }
    if (this.#untold.count >= TOLD_PAGES || missing.count === 0) this.#tell();
    return arrivals.at(-1);
  }

  #tell(): void {
    if (this.#untold.count === 0) return;
    const { link, account, onFailure } = this.#options;
    const bitmaps = [...this.#untold.bitmaps()];
    this.#untold = new PageSet(account.regions);
    link.send(bitmaps.map((bitmap) => link.control.resumeBitmap(bitmap))).catch(onFailure);
  }
}
