import {
  formatDigest,
  type MemoryAccount,
  type PageBitmap,
  type PagesFrame,
  type RegionEntry,
} from '@stillframe/page-stream';
import { asMigrationError, attempt, MigrationError } from '../error.ts';
import type { FaultWaitUs, MovingTarget } from '../guest.ts';
import type { MigrationLink } from '../link/migration-link.ts';
import { PageSet } from '../pages/page-set.ts';
import { FaultConnection } from './fault-connection.ts';
import { PageFetch, type PageFetchOptions } from './page-fetch.ts';

/** The memory of a guest on its way into a target: eagerly, and after a hand-over in post-copy when it is touched. */
export class ArrivingMemory {
  readonly #target: MovingTarget;
  readonly #account: MemoryAccount;
  /** Post-copy: what comes after the hand-over. */
  readonly #later: PageSet;
  #lane: MigrationLink | undefined;
  readonly #faults = new FaultConnection();
  #fetch: PageFetch | undefined;
  #receivedPages = 0;

  constructor(target: MovingTarget, account: MemoryAccount) {
    this.#target = target;
    this.#account = account;
    this.#later = new PageSet(account.regions);
  }

  get regions(): readonly RegionEntry[] {
    return this.#account.regions;
  }

  get receivedPages(): number {
    return this.#receivedPages + this.faultLanePages;
  }

  get faultLanePages(): number {
    return this.#fetch?.arrivedPages ?? 0;
  }

  get requestedPages(): number {
    return this.#fetch?.requestedPages ?? 0;
  }

  get faultWaitUs(): FaultWaitUs | undefined {
    return this.#fetch?.faultWaitUs;
  }

  /** Pages that will come after the hand-over. */
  announce(bitmap: PageBitmap): void {
    this.#later.addBitmap(bitmap);
  }

  async take({ region, runs, bytes }: PagesFrame, from: 'first' | 'lane' = 'first'): Promise<void> {
    for (const { pageCount } of runs) this.#receivedPages += pageCount;
    if (this.#fetch !== undefined) return this.#fetch.take(region, runs, bytes, from);
    try {
      const writing = this.#target.writePages(region, runs, bytes);
      if (writing !== undefined) await writing;
    } catch (error) {
      throw asMigrationError(error, 'target-failed', 'write pages');
    }
  }

  /** Every page has come, and the memory is that of the source, whose END said `endDigest`. Throws otherwise. */
  assertComplete(endDigest: Uint32Array | undefined): void {
    const missing = this.#account.missingCount;
    if (missing > 0) {
      throw new MigrationError('corrupt-stream', `${missing} pages never came`, { operands: { missing } });
    }
    const expected = endDigest === undefined ? 'none' : formatDigest(endDigest);
    const digest = formatDigest(this.#account.digest);
    if (digest === expected) return;
    throw new MigrationError(
      'corrupt-stream',
      `the digest of what came is ${digest}, the source says ${expected}`,
      {
        operands: { digest, expected },
      },
    );
  }

  /** From here on pages come when they are touched, and besides. */
  async beLazy(options: Pick<PageFetchOptions, 'link' | 'clock' | 'onFailure'>): Promise<void> {
    const account = this.#account;
    for (const { region, firstPage, pageCount } of this.#later.runs()) {
      account.terms[region]!.forget(firstPage, pageCount);
    }
    if (account.missingCount !== this.#later.count) {
      throw new MigrationError('corrupt-stream', 'pages did not come that will not come either', {
        operands: { missing: account.missingCount, announced: this.#later.count },
      });
    }
    const target = this.#target;
    if (target.lazy === undefined) {
      throw new MigrationError(
        'target-failed',
        'the destination cannot run a guest whose pages are still to come',
        {
          hint: 'Use pre-copy. Post-copy needs a target with `lazy`.',
        },
      );
    }
    const memory = await attempt('target-failed', 'lazy', () => target.lazy!([...this.#later.runs()]));
    this.#fetch = new PageFetch({ ...options, memory, account, missing: this.#later });
    if (this.#lane !== undefined) this.#fetch.use(this.#lane);
    this.#faults.giveTo(memory);
  }

  /** Pages that somebody waits for are asked for there from now on. The descriptor is taken over. */
  askFaultsOn(connection: number): void {
    this.#faults.came(connection);
  }

  /** Whatever has become of it, no lane of faults is waited for any more. */
  endFaults(): void {
    this.#faults.close();
  }

  /** Requests go here from now on. */
  askOn(lane: MigrationLink): void {
    this.#lane = lane;
    this.#fetch?.use(lane);
  }

  /** The guest runs here, before all of it has come. */
  fetchRest(): void {
    this.#fetch?.start();
  }

  /** Post-copy: every page is there. */
  async finish(): Promise<void> {
    await this.#fetch?.close();
  }
}
