import { randomBytes } from 'node:crypto';
import {
  type AnnouncedLimits,
  formatDigest,
  MemoryAccount,
  MigrationDecoder,
  MigrationEncoder,
  type MigrationFrame,
} from '@stillframe/page-stream';
import type { Clock, EventHub } from '@stillframe/snapshot';
import { asMigrationError, attempt, MigrationError } from '../error.ts';
import type { MigrationSummary, SourceEvents, SourcePhase, SourceProgress } from '../event.ts';
import type { DirtyRun, Tracker } from '../guest.ts';
import type { SourceState } from '../hand-over/source-machine.ts';
import { MigrationLink } from '../link/migration-link.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';
import type { ConvergencePolicy, RoundNumbers } from '../policy/convergence.ts';
import { PageSet } from '../pages/page-set.ts';
import { startTicker } from '../ticker.ts';
import { estimatesOf } from './estimates.ts';
import { LaterPages } from './later-pages.ts';
import type { MigrateOptions } from './migrate-guest.ts';
import { pagesIn } from './page-batches.ts';
import { openLane } from './open-lane.ts';
import { type PageLane, PageLanes } from './page-lanes.ts';
import { PageSender } from './page-sender.ts';
import { runRounds } from './rounds.ts';
import { SourceBrake } from './source-brake.ts';
import { SourceHandOver } from './source-hand-over.ts';

export interface SourceMigrationOptions extends MigrateOptions {
  readonly events: EventHub<SourceEvents>;
  readonly clock: Clock;
  readonly policy: ConvergencePolicy;
  readonly timeouts: MigrationTimeouts;
  readonly progressIntervalMs: number;
}

const NS_PER_MS = 1_000_000;
const STREAM_ID_BYTES = 16;

/** The guest stands still: its pages may be given away. */
const SERVING: ReadonlySet<SourceState['name']> = new Set([
  'offered',
  'relinquishing',
  'committed',
  'serving',
]);

/** One migration at its source. */
export class SourceMigration {
  readonly #options: SourceMigrationOptions;
  readonly #account: MemoryAccount;
  readonly #link: MigrationLink;
  readonly #handOver: SourceHandOver;
  readonly #streamId: Uint8Array;
  readonly #rounds: RoundNumbers[] = [];
  readonly #startNs: number;
  readonly #over = new AbortController();
  #phase: SourcePhase = 'connect';
  #lanes: PageLanes | undefined;
  #tracker: Tracker | undefined;
  #pausing: Promise<void> | undefined;
  /** Post-copy. */
  #later: LaterPages | undefined;
  /** Written before the last round, and held back from it, or not sent because it was cut short. */
  #unsent: readonly DirtyRun[] = [];
  #brake: SourceBrake | undefined;
  #stateKind = '';
  #roundPages = 0;
  #roundBase = 0;

  constructor(options: SourceMigrationOptions) {
    this.#options = options;
    const { guest, transport, clock, timeouts, codec, record } = options;
    this.#streamId = options.streamId ?? new Uint8Array(randomBytes(STREAM_ID_BYTES));
    this.#account = new MemoryAccount(guest.regions, codec);
    this.#startNs = clock.nowNs();
    const decoder = new MigrationDecoder({
      from: 'destination',
      account: this.#account,
      ...(codec === undefined ? {} : { codec }),
    });
    this.#link = new MigrationLink({ transport, role: 'source', decoder, clock, timeouts });
    this.#handOver = new SourceHandOver({
      guest,
      link: this.#link,
      record,
      clock,
      timeouts,
      digest: () => this.#account.digest,
      beforeResume: () => this.#beforeResume(),
      onState: (state) => this.#onState(state),
    });
  }

  async run(signal: AbortSignal): Promise<MigrationSummary> {
    const onAbort = () =>
      this.#handOver.end(
        'cancelled',
        new MigrationError('aborted', 'the migration was aborted', { cause: signal.reason }),
      );
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const ticker = startTicker(this.#options.clock, this.#options.progressIntervalMs, () =>
      this.#reportProgress(),
    );
    try {
      await this.#move().catch((error: unknown) => {
        this.#handOver.end('failed', asMigrationError(error, 'guest-failed', 'migrate'));
      });
      return this.#outcome(await this.#handOver.settled());
    } finally {
      signal.removeEventListener('abort', onAbort);
      ticker.stop();
      this.#over.abort('over');
      await this.#closeTracker();
      await Promise.all([this.#link.close(), this.#later?.close(), this.#lanes?.close()]);
      await this.#link.destroy();
    }
  }

  progress(): SourceProgress {
    const { clock, mode } = this.#options;
    const sentPages = this.#sentPages;
    return {
      phase: this.#phase,
      mode,
      elapsedMs: (clock.nowNs() - this.#startNs) / NS_PER_MS,
      pages: this.#account.pageCount,
      round: this.#rounds.length + 1,
      roundPages: this.#roundPages,
      roundSentPages: sentPages - this.#roundBase,
      sentPages,
      sentBytes: this.#sentBytes,
      estimates: estimatesOf(this.#rounds),
      remainingPages: this.#later?.service.remainingPages ?? 0,
      requestedPages: this.#later?.requestedPages ?? 0,
    };
  }

  async #move(): Promise<void> {
    const { codec, guest, mode, clock, timeouts, connect, connectFaults } = this.#options;
    this.#enter('connect');
    const { hello, receive } = await this.#link.open((frame) => this.#take(frame, 'first'));
    this.#link.bePatient();
    void this.#listen(receive());
    const account = this.#account;
    const first = this.#pageLane(this.#link, hello.limits);
    await this.#link.send(first.encoder.start(this.#streamId));
    const lanes = new PageLanes(
      [first, ...(await this.#openLanes(hello.limits))],
      guest.regions.map(({ pageSize }) => pageSize),
    );
    this.#lanes = lanes;
    const action = mode === 'postcopy' ? 'switch' : await this.#precopy();
    if (action === 'switch') {
      this.#later = await LaterPages.open({
        guest,
        account,
        limits: hello.limits,
        codec,
        clock,
        timeouts,
        streamId: this.#streamId,
        link: this.#link,
        push: first.sender,
        connect: connect && (() => connect(this.#over.signal)),
        connectFaults: connectFaults && (() => connectFaults(this.#over.signal)),
        onFrame: (frame) => this.#take(frame, 'lane'),
      });
      if (this.#later.receiving !== undefined) void this.#listen(this.#later.receiving);
    }
    await this.#stop();
  }

  /** Further connections for pages. */
  async #openLanes(limits: AnnouncedLimits): Promise<PageLane[]> {
    const { lanes = 0, connect, mode, clock, timeouts } = this.#options;
    if (lanes === 0 || mode === 'postcopy') return [];
    if (connect === undefined) throw new TypeError('lanes need `connect`');
    const opened: PageLane[] = [];
    for (let number = 1; number <= lanes; number++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const transport = await attempt('peer-lost', 'open a lane', () => connect(this.#over.signal));
      // oxlint-disable-next-line no-await-in-loop -- as above
      const lane = await openLane({
        transport,
        lane: { purpose: 'pages', number, streamId: this.#streamId },
        account: this.#account,
        clock,
        timeouts,
        onFrame: (frame) => this.#take(frame, 'lane'),
      });
      void this.#listen(lane.receive());
      opened.push(this.#pageLane(lane.link, limits));
    }
    return opened;
  }

  #pageLane(link: MigrationLink, limits: AnnouncedLimits): PageLane {
    const { guest, codec } = this.#options;
    const account = this.#account;
    const encoder = new MigrationEncoder({ account, limits, ...(codec === undefined ? {} : { codec }) });
    return { link, encoder, sender: new PageSender({ guest, link, encoder, account }) };
  }

  async #precopy(): Promise<'stop' | 'switch'> {
    const { guest, policy, clock, events } = this.#options;
    this.#enter('rounds');
    const tracker = await attempt('guest-failed', 'track', () => guest.track());
    this.#tracker = tracker;
    const { brake } = this.#options;
    if (brake !== undefined) this.#brake = new SourceBrake({ ...brake, guest, tracker, clock, events });
    const { action, unsent } = await runRounds({
      tracker,
      policy,
      clock,
      regions: guest.regions,
      pageSizes: guest.regions.map(({ pageSize }) => pageSize),
      memoryBytes: guest.regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      everything: this.#everything(),
      send: (round, runs, isOver) => this.#sendRound(round, runs, isOver),
      sentPages: () => this.#sentPages,
      beforeNext: async (rounds, bandwidthBytesPerSecond) => {
        this.#check();
        // Whoever ends the migration meanwhile lets it come to its end before the guest is told to go on.
        this.#pausing = this.#brake?.after(rounds, bandwidthBytesPerSecond);
        await this.#pausing;
      },
      sentBytes: () => this.#sentBytes,
      onRound: (round, decision) => {
        this.#rounds.push(round);
        events.emit({
          type: 'round',
          atNs: clock.nowNs(),
          round,
          estimates: estimatesOf(this.#rounds),
          decision,
        });
      },
    });
    this.#unsent = unsent;
    return action;
  }

  /** The guest stands still from here. */
  async #stop(): Promise<void> {
    const { guest } = this.#options;
    const { downtime } = this.#handOver;
    const lanes = this.#lanes!;
    this.#enter('pause');
    this.#check();
    downtime.mark('pause');
    this.#pausing = attempt('guest-failed', 'pause', () => guest.pause());
    await this.#pausing;
    downtime.paused(guest.restingMs?.());
    this.#enter('final');
    const tracker = this.#tracker;
    const written =
      tracker === undefined
        ? this.#everything()
        : await attempt('guest-failed', 'collect dirty pages', () => tracker.collect());
    // What was held back was mostly written again, and goes once.
    const last =
      this.#unsent.length === 0
        ? written
        : [...new PageSet(guest.regions, [...this.#unsent, ...written]).runs()];
    const saving = attempt('guest-failed', 'save the state', () => guest.saveState());
    saving.catch(() => undefined);
    if (this.#later === undefined) await this.#sendRound(this.#rounds.length + 1, last);
    else await this.#later.announce(last);
    const state = await saving;
    this.#stateKind = state.kind;
    const { encoder } = lanes.first;
    const saved = encoder.state(state);
    if (this.#later === undefined) {
      await lanes.endFurther();
      await this.#link.send([...saved, ...encoder.end()]);
    } else await this.#link.send(saved);
    this.#check();
    downtime.mark('sent');
    this.#enter('drain');
    this.#handOver.offer(this.#later !== undefined, this.#later === undefined ? lanes.furtherCount : 0);
  }

  async #sendRound(
    round: number,
    runs: readonly DirtyRun[],
    isOver = () => false,
  ): Promise<readonly DirtyRun[]> {
    this.#roundPages = pagesIn(runs);
    this.#roundBase = this.#lanes!.sentPages;
    return await this.#lanes!.sendRound(round, runs, () => {
      this.#check();
      return isOver();
    });
  }

  /** The guest runs at the destination: everything that is only here goes there. */
  async #serve(later: LaterPages): Promise<void> {
    this.#enter('serve');
    try {
      await later.service.run();
      await this.#link.send(this.#lanes!.first.encoder.end());
      this.#handOver.expectAnswer(this.#options.timeouts.preparedMs);
    } catch (error) {
      this.#handOver.end('lost', asMigrationError(error, 'peer-lost', 'serve pages'));
      await this.#link.destroy();
    }
  }

  #everything(): DirtyRun[] {
    return this.#options.guest.regions.map(({ id, sizeBytes, pageSize }) => ({
      region: id,
      firstPage: 0,
      pageCount: sizeBytes / pageSize,
    }));
  }

  /** Throws when there is no use in going on. */
  #check(): void {
    if (this.#handOver.state.name === 'moving') return;
    throw this.#handOver.cause ?? new MigrationError('peer-lost', 'the migration has ended');
  }

  async #listen(receiving: Promise<void>): Promise<void> {
    try {
      await receiving;
      this.#handOver.end('lost', this.#link.lost('it closed the connection'));
    } catch (error) {
      const failure = asMigrationError(error, 'peer-lost', 'receive');
      this.#handOver.end(failure.code === 'peer-lost' ? 'lost' : 'refused', failure);
    }
  }

  #take(frame: MigrationFrame, from: 'first' | 'lane'): void {
    if (frame.type === 'hand-over') this.#handOver.hear(frame);
    if (frame.type !== 'page-request' && frame.type !== 'resume-bitmap') return;
    if (this.#later === undefined || !SERVING.has(this.#handOver.state.name)) {
      throw new MigrationError('corrupt-stream', 'the destination asks for pages of a guest that still runs');
    }
    void this.#answer(this.#later, frame, from).catch((error: unknown) => {
      this.#handOver.end('lost', asMigrationError(error, 'peer-lost', 'answer a request'));
    });
  }

  async #answer(
    later: LaterPages,
    frame: Extract<MigrationFrame, { type: 'page-request' | 'resume-bitmap' }>,
    from: 'first' | 'lane',
  ): Promise<void> {
    if (frame.type === 'resume-bitmap') return await later.arrived(frame);
    const isPull = later.hasLane && from === 'first';
    await (isPull ? later.service.pull(frame.requested) : later.service.request(frame.requested));
  }

  #onState({ name }: SourceState): void {
    if (SERVING.has(name)) this.#later?.answerFaults();
    if (name === 'committed') this.#enter('commit');
    if (name === 'released') this.#enter('done');
    if (name === 'serving' && this.#later !== undefined) void this.#serve(this.#later);
    if (name === 'split' || name === 'kept' || name === 'released') this.#later?.endFaults();
    if (name === 'split' || name === 'kept') this.#later?.service.end();
  }

  /** A pause that is under way comes to its end first: two orders at a time would leave the guest in either state. */
  async #beforeResume(): Promise<void> {
    await this.#pausing?.catch(() => undefined);
    this.#later?.endFaults();
    await this.#closeTracker();
  }

  async #closeTracker(): Promise<void> {
    const tracker = this.#tracker;
    this.#tracker = undefined;
    await tracker?.close().catch(() => undefined);
  }

  #outcome({ name }: SourceState): MigrationSummary {
    if (name === 'released') return this.#summary();
    const { cause } = this.#handOver;
    if (name === 'indeterminate' || name === 'split') {
      throw new MigrationError(name, `${name}: ${cause?.message ?? 'the link broke'}`, { cause });
    }
    throw cause ?? new MigrationError('peer-lost', 'the migration did not happen');
  }

  get #sentPages(): number {
    return (this.#lanes?.sentPages ?? 0) + (this.#later?.sentPages ?? 0);
  }

  get #sentBytes(): number {
    return (this.#lanes?.sentBytes ?? this.#link.sentBytes) + (this.#later?.sentBytes ?? 0);
  }

  #summary(): MigrationSummary {
    const { guest, mode, policy, clock } = this.#options;
    const memoryBytes = guest.regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const downtime = this.#handOver.downtime.numbers();
    return {
      mode,
      postcopy: this.#later !== undefined,
      policy: mode === 'postcopy' ? 'none' : policy.name,
      durationMs: (clock.nowNs() - this.#startNs) / NS_PER_MS,
      downtimeMs: downtime.totalMs,
      downtime,
      rounds: this.#rounds,
      brakeShare: this.#brake?.share ?? 0,
      memoryBytes,
      pages: this.#account.pageCount,
      sentPages: this.#sentPages,
      sentBytes: this.#sentBytes,
      totalRatio: memoryBytes === 0 ? 0 : this.#sentBytes / memoryBytes,
      digest: formatDigest(this.#account.digest),
      requestedPages: this.#later?.requestedPages ?? 0,
      stateKind: this.#stateKind,
    };
  }

  #enter(phase: SourcePhase): void {
    this.#phase = phase;
    this.#options.events.emit({ type: 'phase', phase, atNs: this.#options.clock.nowNs() });
  }

  #reportProgress(): void {
    const { clock, events } = this.#options;
    if (!events.hasReaders) return;
    events.emit({ type: 'progress', atNs: clock.nowNs(), progress: this.progress() });
  }
}
