import {
  type AnnouncedLimits,
  type MemoryAccount,
  MigrationEncoder,
  type MigrationFrame,
  type PageBitmap,
  type PageCodec,
} from '@stillframe/page-stream';
import type { Clock, Transport } from '@stillframe/snapshot';
import { attempt } from '../error.ts';
import type { DirtyRun, FaultAnswers, MovingGuest } from '../guest.ts';
import type { MigrationLink } from '../link/migration-link.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';
import { PageSet } from '../pages/page-set.ts';
import { PageSender } from './page-sender.ts';
import { PageService } from './page-service.ts';
import { ArrivedPages } from './arrived-pages.ts';
import { openFaultLane } from './open-fault-lane.ts';
import { openLane } from './open-lane.ts';

export interface LaterPagesOptions {
  readonly guest: MovingGuest;
  readonly account: MemoryAccount;
  readonly limits: AnnouncedLimits;
  readonly codec: PageCodec | undefined;
  readonly clock: Clock;
  readonly timeouts: MigrationTimeouts;
  readonly streamId: Uint8Array;
  /** The first connection: pages are pushed on it. */
  readonly link: MigrationLink;
  readonly push: PageSender;
  /** Without it requests are answered on the first connection. */
  readonly connect: (() => Promise<Transport>) | undefined;
  /** For a lane of faults beside it. */
  readonly connectFaults: (() => Promise<Transport>) | undefined;
  readonly onFrame: (frame: MigrationFrame) => void;
}

/** The pages that follow a hand-over: post-copy, at the source. */
export class LaterPages {
  readonly #options: LaterPagesOptions;
  readonly #pending: PageSet;
  readonly #service: PageService;
  readonly #lane: MigrationLink | undefined;
  readonly #answer: PageSender;
  readonly #faults: FaultAnswers | undefined;
  readonly #arrived: ArrivedPages;
  /** Ends when the lane does; undefined without one. */
  readonly receiving: Promise<void> | undefined;

  /** While the guest still runs: a lane that cannot be had is no reason to stop it. */
  static async open(options: LaterPagesOptions): Promise<LaterPages> {
    const { connect, connectFaults, account, streamId, clock, timeouts, onFrame } = options;
    if (connect === undefined) return new LaterPages(options, undefined, undefined);
    const transport = await attempt('peer-lost', 'open the lane of requests', connect);
    const lane = await openLane({
      transport,
      lane: { purpose: 'requests', number: 1, streamId },
      account,
      clock,
      timeouts,
      onFrame,
    });
    const faults = connectFaults && (await openFaultLane({ ...options, connect: connectFaults }));
    return new LaterPages(options, lane, faults);
  }

  private constructor(
    options: LaterPagesOptions,
    lane: { readonly link: MigrationLink; readonly receive: () => Promise<void> } | undefined,
    faults: FaultAnswers | undefined,
  ) {
    const { guest, account, limits, codec, push } = options;
    this.#options = options;
    this.#lane = lane?.link;
    this.#faults = faults;
    this.receiving = lane?.receive();
    this.#pending = new PageSet(guest.regions);
    const encoder = { account, limits, ...(codec === undefined ? {} : { codec }) };
    this.#answer =
      lane === undefined
        ? push
        : new PageSender({ guest, link: lane.link, encoder: new MigrationEncoder(encoder), account });
    const pageSizes = guest.regions.map(({ pageSize }) => pageSize);
    const isPulled = lane !== undefined;
    this.#service = new PageService({
      pending: this.#pending,
      pageSizes,
      push,
      answer: this.#answer,
      isPulled,
    });
    this.#arrived = new ArrivedPages({ guest, account, onArrived: (run) => this.#service.arrived(run) });
  }

  /** Requests have one of their own. */
  get hasLane(): boolean {
    return this.#lane !== undefined;
  }

  get service(): PageService {
    return this.#service;
  }

  /** Pages that somebody waited for, in whichever way they were asked for. */
  get requestedPages(): number {
    return this.#service.requestedPages + (this.#faults?.pages ?? 0);
  }

  /** On the lanes. */
  get sentPages(): number {
    return (this.#lane === undefined ? 0 : this.#answer.sentPages) + (this.#faults?.pages ?? 0);
  }

  /** On the lanes. */
  get sentBytes(): number {
    return (this.#lane?.sentBytes ?? 0) + (this.#faults?.bytes ?? 0);
  }

  /** The destination has these from the lane of faults. Rejects when the guest cannot be read. */
  async arrived(bitmap: PageBitmap): Promise<void> {
    await attempt('guest-failed', 'read pages', () => this.#arrived.add(bitmap));
  }

  /** The guest stands still, and may be running elsewhere soon. */
  answerFaults(): void {
    this.#faults?.serve();
  }

  /** Before the guest goes on here, or is given up. */
  endFaults(): void {
    this.#faults?.close();
  }

  /** Before the offer: these pages will come afterwards, whatever the destination has of them. */
  async announce(runs: readonly DirtyRun[]): Promise<void> {
    const { link } = this.#options;
    for (const run of runs) this.#pending.add(run);
    await link.send([...this.#pending.bitmaps()].map((bitmap) => link.control.resumeBitmap(bitmap)));
  }

  async close(): Promise<void> {
    this.#service.end();
    this.endFaults();
    await this.#lane?.close();
    await this.#lane?.destroy();
  }
}
