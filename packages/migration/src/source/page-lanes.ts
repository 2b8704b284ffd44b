import type { DirtyRun } from '../guest.ts';
import type { MigrationEncoder } from '@stillframe/page-stream';
import type { MigrationLink } from '../link/migration-link.ts';
import type { PageSender } from './page-sender.ts';

/** One connection with pages. */
export interface PageLane {
  readonly link: MigrationLink;
  readonly encoder: MigrationEncoder;
  readonly sender: PageSender;
}

/** Neighbours stay together, so that runs stay long. */
const SHARE_BYTES = 2 * 1024 * 1024;

/**
 * Pages over one or more connections at a time.
 *
 * Ordering: a page always takes the same one, so that what was sent last comes last.
 */
export class PageLanes {
  readonly #lanes: readonly PageLane[];
  readonly #pageSizes: readonly number[];

  /** The first is the first connection of the migration. */
  constructor(lanes: readonly PageLane[], pageSizes: readonly number[]) {
    this.#lanes = lanes;
    this.#pageSizes = pageSizes;
  }

  /** The first connection's. */
  get first(): PageLane {
    return this.#lanes[0]!;
  }

  /** How many there are besides the first. */
  get furtherCount(): number {
    return this.#lanes.length - 1;
  }

  get sentPages(): number {
    return this.#lanes.reduce((sum, { sender }) => sum + sender.sentPages, 0);
  }

  get sentBytes(): number {
    return this.#lanes.reduce((sum, { link }) => sum + link.sentBytes, 0);
  }

  /** One round; resolves when all connections have taken their share and its end, with what was left because `check` said true. */
  async sendRound(
    round: number,
    runs: readonly DirtyRun[],
    check: () => boolean | void,
  ): Promise<readonly DirtyRun[]> {
    const shares = this.#divide(runs);
    const unsent = await Promise.all(
      this.#lanes.map(async ({ link, encoder, sender }, index) => {
        const before = sender.sentPages;
        const left = await sender.send(shares[index]!, check);
        await link.send(encoder.roundMark({ round, pages: sender.sentPages - before }));
        return left;
      }),
    );
    return unsent.flat();
  }

  /** END on all connections but the first, after the last round. */
  async endFurther(): Promise<void> {
    await Promise.all(this.#lanes.slice(1).map(({ link, encoder }) => link.send(encoder.end())));
  }

  /** Drops all connections but the first. */
  async close(): Promise<void> {
    await Promise.all(
      this.#lanes.slice(1).map(async ({ link }) => {
        await link.close();
        await link.destroy();
      }),
    );
  }

  #divide(runs: readonly DirtyRun[]): DirtyRun[][] {
    const shares: DirtyRun[][] = this.#lanes.map(() => []);
    if (shares.length === 1) return [[...runs]];
    for (const { region, firstPage, pageCount } of runs) {
      const sharePages = Math.max(1, Math.floor(SHARE_BYTES / this.#pageSizes[region]!));
      const end = firstPage + pageCount;
      for (let page = firstPage; page < end; ) {
        const share = Math.floor(page / sharePages);
        const stop = Math.min(end, (share + 1) * sharePages);
        shares[(region + share) % shares.length]!.push({ region, firstPage: page, pageCount: stop - page });
        page = stop;
      }
    }
    return shares;
  }
}
