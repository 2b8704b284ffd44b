/* oxlint-disable typescript/consistent-return -- the switches are exhaustive, which the compiler checks */
import { formatDigest, MigrationDecoder, type MigrationFrame, StateCollector } from '@stillframe/page-stream';
import type { Clock, EventHub, GuestState, Transport } from '@stillframe/snapshot';
import { asMigrationError, attempt, MigrationError } from '../error.ts';
import type { ArrivalSummary, DestinationEvents, DestinationPhase, DestinationProgress } from '../event.ts';
import type { DestinationState } from '../hand-over/destination-machine.ts';
import { MigrationLink } from '../link/migration-link.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';
import { startTicker } from '../ticker.ts';
import { acceptLane } from './accept-lane.ts';
import { ArrivingMemory } from './arriving-memory.ts';
import { DestinationHandOver } from './destination-hand-over.ts';
import { LanesWithPages } from './lanes-with-pages.ts';
import type { ReceiveGuestOptions } from './receive-guest.ts';

export interface DestinationMigrationOptions extends ReceiveGuestOptions {
  readonly events: EventHub<DestinationEvents>;
  readonly clock: Clock;
  readonly timeouts: MigrationTimeouts;
  readonly progressIntervalMs: number;
}

const NS_PER_MS = 1_000_000;

/** What the states of the hand-over are to whoever watches. */
const PHASES: Readonly<Partial<Record<DestinationState['name'], DestinationPhase>>> = {
  preparing: 'prepare',
  prepared: 'wait',
  starting: 'start',
  fetching: 'fetch',
  running: 'done',
};

/** One migration at its destination. */
export class DestinationMigration {
  readonly #options: DestinationMigrationOptions;
  readonly #decoder: MigrationDecoder;
  readonly #link: MigrationLink;
  readonly #handOver: DestinationHandOver;
  readonly #collector = new StateCollector();
  readonly #startNs: number;
  readonly #over = new AbortController();
  /** Nothing that has not come will be waited for. */
  readonly #dropped = new AbortController();
  #phase: DestinationPhase = 'connect';
  #streamId = new Uint8Array();
  #memory: ArrivingMemory | undefined;
  #state: GuestState | undefined;
  #endDigest: Uint32Array | undefined;
  /** Of requests. */
  #lane: MigrationLink | undefined;
  readonly #pageLanes = new LanesWithPages();
  #round = 0;

  constructor(options: DestinationMigrationOptions) {
    this.#options = options;
    const { target, transport, clock, timeouts, codec, limits, record } = options;
    this.#startNs = clock.nowNs();
    this.#decoder = new MigrationDecoder({
      from: 'source',
      ...(codec === undefined ? {} : { codec }),
      ...(limits === undefined ? {} : { limits }),
    });
    this.#link = new MigrationLink({
      transport,
      role: 'destination',
      decoder: this.#decoder,
      clock,
      timeouts,
      ...(limits === undefined ? {} : { limits }),
    });
    this.#handOver = new DestinationHandOver({
      target,
      link: this.#link,
      record,
      clock,
      timeouts,
      digest: () => this.#decoder.account?.digest ?? new Uint32Array(2),
      prepare: (isLazy, lanes) => this.#prepare(isLazy, lanes),
      onState: (state) => this.#onState(state),
    });
  }

  async run(signal: AbortSignal): Promise<ArrivalSummary> {
    const onAbort = () =>
      this.#handOver.end(
        'cancelled',
        new MigrationError('aborted', 'receiving was aborted', { cause: signal.reason }),
      );
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const ticker = startTicker(this.#options.clock, this.#options.progressIntervalMs, () =>
      this.#reportProgress(),
    );
    try {
      const listening = this.#listen();
      const state = await this.#handOver.settled();
      // The source closes when it has heard; one that has not would be left in doubt.
      if (state.name === 'running') await this.#linger(listening);
      return this.#outcome(this.#handOver.state);
    } finally {
      signal.removeEventListener('abort', onAbort);
      ticker.stop();
      this.#over.abort('over');
      this.#memory?.endFaults();
      await Promise.all([this.#link.close(), this.#lane?.close(), this.#pageLanes.close()]);
      await Promise.all([this.#link.destroy(), this.#lane?.destroy()]);
    }
  }

  get streamId(): Uint8Array {
    return this.#streamId;
  }

  progress(): DestinationProgress {
    const { account } = this.#decoder;
    return {
      phase: this.#phase,
      elapsedMs: (this.#options.clock.nowNs() - this.#startNs) / NS_PER_MS,
      pages: account?.pageCount ?? 0,
      missingPages: account?.missingCount ?? 0,
      receivedPages: this.#memory?.receivedPages ?? 0,
      receivedBytes: this.#decoder.offset,
      round: this.#round,
    };
  }

  async #listen(): Promise<void> {
    try {
      this.#enter('connect');
      const { receive } = await this.#link.open((frame) => this.#take(frame));
      this.#enter('receive');
      await receive();
      this.#handOver.end('lost', this.#link.lost('it closed the connection'));
    } catch (error) {
      const failure = asMigrationError(error, 'target-failed', 'receive');
      if (failure.code === 'peer-aborted') this.#handOver.end('withdrawn', failure);
      else this.#handOver.end(failure.code === 'peer-lost' ? 'lost' : 'failed', failure);
    }
  }

  async #take(frame: MigrationFrame): Promise<void> {
    switch (frame.type) {
      case 'header':
        this.#streamId = frame.streamId.slice();
        return;
      case 'regions': {
        const { target } = this.#options;
        await attempt('target-failed', 'allocate', () => target.allocate(frame.regions));
        this.#memory = new ArrivingMemory(target, this.#decoder.account!);
        void this.#acceptLanes();
        return;
      }
      case 'pages':
        await this.#memory!.take(frame);
        return this.#checkComplete();
      case 'resume-bitmap':
        return this.#memory!.announce(frame);
      case 'state':
        this.#state = this.#collector.add(frame) ?? this.#state;
        return;
      case 'round':
        this.#round = frame.round;
        return;
      case 'end':
        this.#endDigest = frame.digest;
        return this.#checkComplete();
      case 'hand-over':
        return this.#handOver.hear(frame);
      case 'hello':
      case 'abort':
      case 'page-request':
      case 'lane':
      case 'skipped':
        return;
    }
  }

  async #prepare(isLazy: boolean, lanes: number): Promise<void> {
    const state = this.#state;
    const memory = this.#memory;
    if (state === undefined || memory === undefined) {
      throw new MigrationError('corrupt-stream', 'the source offers a guest without state or memory');
    }
    if (isLazy) {
      await memory.beLazy({
        link: this.#link,
        clock: this.#options.clock,
        onFailure: (error) =>
          this.#handOver.end('lost', asMigrationError(error, 'peer-lost', 'ask for pages')),
      });
    } else {
      await this.#pageLanes.allEnded(lanes, this.#dropped.signal);
      memory.assertComplete(this.#endDigest);
    }
    await attempt('target-failed', 'load the state', () => this.#options.target.loadState(state));
  }

  /** Post-copy: whether this was the last page, and the memory is what the source had. */
  #checkComplete(): void {
    const { name } = this.#handOver.state;
    if (name !== 'fetching' && name !== 'stalled') return;
    if (this.#endDigest === undefined || this.#decoder.account!.missingCount > 0) return;
    try {
      this.#memory!.assertComplete(this.#endDigest);
    } catch (error) {
      // It runs on memory that is not what it was: nobody may go on with it, and the source has all of it.
      return this.#handOver.end('lost', asMigrationError(error, 'corrupt-stream', 'check the digest'));
    }
    void this.#finish(this.#memory!);
  }

  async #finish(memory: ArrivingMemory): Promise<void> {
    try {
      await memory.finish();
      this.#handOver.complete();
    } catch (error) {
      this.#handOver.end('lost', asMigrationError(error, 'target-failed', 'end serving pages'));
    }
  }

  /** Further connections of this source, for as long as it goes on. */
  async #acceptLanes(): Promise<void> {
    const { next } = this.#options;
    if (next === undefined) return;
    while (!this.#over.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const transport = await next(this.#over.signal).catch(() => undefined);
      if (transport === undefined) return;
      void this.#acceptLane(transport);
    }
  }

  async #acceptLane(transport: Transport): Promise<void> {
    const { clock, timeouts, codec } = this.#options;
    const lane = await acceptLane({
      transport,
      account: this.#decoder.account!,
      streamId: this.#streamId,
      clock,
      timeouts,
      ...(codec === undefined ? {} : { codec }),
      onFrame: (frame, link) => this.#takeOnLane(frame, link),
    });
    if (lane === undefined) return;
    if (lane.detached !== undefined) {
      lane.receiving.catch(() => undefined);
      return this.#memory!.askFaultsOn(lane.detached);
    }
    if (lane.purpose === 'requests') {
      this.#lane = lane.link;
      this.#memory!.askOn(lane.link);
    } else this.#pageLanes.open(lane.link);
    try {
      await lane.receiving;
      if (this.#pageLanes.hasEnded(lane.link)) return;
      this.#handOver.end('lost', lane.link.lost('it closed a lane'));
    } catch (error) {
      this.#handOver.end('lost', asMigrationError(error, 'peer-lost', 'receive on a lane'));
    }
  }

  async #takeOnLane(frame: MigrationFrame, link: MigrationLink): Promise<void> {
    if (frame.type === 'end') return this.#pageLanes.end(link);
    if (frame.type !== 'pages') return this.#take(frame);
    await this.#memory!.take(frame, 'lane');
    this.#checkComplete();
  }

  #onState({ name }: DestinationState): void {
    const phase = PHASES[name];
    if (phase !== undefined) this.#enter(phase);
    if (name === 'dropped') this.#dropped.abort('dropped');
    if (name !== 'fetching') return;
    // From a live source something comes all the time now.
    this.#link.bePatient(false);
    this.#memory!.fetchRest();
    this.#checkComplete();
  }

  async #linger(listening: Promise<void>): Promise<void> {
    const { clock, timeouts } = this.#options;
    await Promise.race([listening, clock.after(timeouts.handOverMs, this.#over.signal)]);
  }

  #outcome({ name }: DestinationState): ArrivalSummary {
    if (name === 'running') return this.#summary();
    const { cause } = this.#handOver;
    if (name === 'undecided') {
      throw new MigrationError('undecided', `undecided: ${cause?.message ?? 'the link broke'}`, { cause });
    }
    if (name === 'stalled') {
      throw new MigrationError('split', `split: ${cause?.message ?? 'the link broke'}`, { cause });
    }
    throw cause ?? new MigrationError('peer-lost', 'the migration did not happen');
  }

  #summary(): ArrivalSummary {
    const account = this.#decoder.account!;
    return {
      postcopy: this.#handOver.isLazy,
      durationMs: (this.#options.clock.nowNs() - this.#startNs) / NS_PER_MS,
      pages: account.pageCount,
      memoryBytes: account.regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      receivedPages: this.#memory?.receivedPages ?? 0,
      receivedBytes: this.#decoder.offset,
      rounds: this.#round,
      digest: formatDigest(account.digest),
      stateKind: this.#state?.kind ?? '',
      startMs: this.#handOver.startMs,
      requestedPages: this.#memory?.requestedPages ?? 0,
      faultLanePages: this.#memory?.faultLanePages ?? 0,
      faultWaitUs: this.#memory?.faultWaitUs,
    };
  }

  #enter(phase: DestinationPhase): void {
    this.#phase = phase;
    this.#options.events.emit({ type: 'phase', phase, atNs: this.#options.clock.nowNs() });
  }

  #reportProgress(): void {
    const { clock, events } = this.#options;
    if (!events.hasReaders) return;
    events.emit({ type: 'progress', atNs: clock.nowNs(), progress: this.progress() });
  }
}
