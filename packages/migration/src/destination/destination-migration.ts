/* oxlint-disable typescript/consistent-return -- the switches are exhaustive, which the compiler checks */
import {
  formatDigest,
  type HandOverStep,
  type MemoryAccount,
  MigrationDecoder,
  type MigrationFrame,
  type PageBitmap,
  type PagesFrame,
  StateCollector,
} from '@stillframe/page-stream';
import type { Clock, EventHub, GuestState, Transport } from '@stillframe/snapshot';
import { asMigrationError, attempt, MigrationError } from '../error.ts';
import type { ArrivalSummary, DestinationEvents, DestinationPhase, DestinationProgress } from '../event.ts';
import {
  type DestinationEffect,
  type DestinationEvent,
  type DestinationState,
  destinationStart,
  stepDestination,
} from '../hand-over/destination-machine.ts';
import { type DestinationRecord, noRecord } from '../hand-over/record.ts';
import { MachineRunner } from '../hand-over/runner.ts';
import { MigrationLink } from '../link/migration-link.ts';
import { PageSet } from '../pages/page-set.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';
import { acceptLane } from './accept-lane.ts';
import { PageFetch } from './page-fetch.ts';
import type { ReceiveGuestOptions } from './receive-guest.ts';

export interface DestinationMigrationOptions extends ReceiveGuestOptions {
  readonly events: EventHub<DestinationEvents>;
  readonly clock: Clock;
  readonly timeouts: MigrationTimeouts;
  readonly progressIntervalMs: number;
}

const NS_PER_MS = 1_000_000;
const NS_PER_US = 1000;

/** One migration at its destination: the driver that awaits, around `stepDestination` that decides. */
export class DestinationMigration {
  readonly #options: DestinationMigrationOptions;
  readonly #decoder: MigrationDecoder;
  readonly #link: MigrationLink;
  readonly #machine: MachineRunner<DestinationState, DestinationEvent, DestinationEffect>;
  readonly #collector = new StateCollector();
  readonly #startNs: number;
  #phase: DestinationPhase = 'connect';
  #state: GuestState | undefined;
  #endDigest: Uint32Array | undefined;
  #receivedPages = 0;
  #round = 0;
  #commitNs = 0;
  #startedNs = 0;
  #cause: MigrationError | undefined;
  #isLazy = false;
  #streamId = new Uint8Array();
  /** Post-copy: what comes after the hand-over. */
  #missing: PageSet | undefined;
  #lane: MigrationLink | undefined;
  #fetch: PageFetch | undefined;

  constructor(options: DestinationMigrationOptions) {
    this.#options = options;
    const { transport, clock, timeouts, codec, limits } = options;
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
    this.#machine = new MachineRunner({
      start: destinationStart,
      step: stepDestination,
      perform: (effect) => this.#perform(effect),
    });
  }

  async run(signal: AbortSignal): Promise<ArrivalSummary> {
    const onAbort = () =>
      this.#end(
        'cancelled',
        new MigrationError('aborted', 'receiving was aborted', { cause: signal.reason }),
      );
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const ticking = this.#tick();
    try {
      const listening = this.#listen();
      const state = await this.#machine.reach(['dropped', 'running', 'undecided', 'stalled']);
      // The source closes when it has heard; a source that has not asks again.
      if (state.name === 'running') await this.#lingers(listening);
      return this.#outcome(this.#machine.state);
    } finally {
      signal.removeEventListener('abort', onAbort);
      ticking.stop();
      await Promise.all([this.#link.close(), this.#lane?.close()]);
      await Promise.all([this.#link.destroy(), this.#lane?.destroy()]);
    }
  }

  progress(): DestinationProgress {
    const { account } = this.#decoder;
    return {
      phase: this.#phase,
      elapsedMs: (this.#options.clock.nowNs() - this.#startNs) / NS_PER_MS,
      pages: account?.pageCount ?? 0,
      missingPages: account?.missingCount ?? 0,
      receivedPages: this.#receivedPages,
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
      this.#end('lost', this.#link.lost('it closed the connection'));
    } catch (error) {
      const failure = asMigrationError(error, 'target-failed', 'receive');
      if (failure.code === 'peer-aborted') this.#end('withdrawn', failure);
      else this.#end(failure.code === 'peer-lost' ? 'lost' : 'failed', failure);
    }
  }

  #end(type: 'lost' | 'failed' | 'cancelled' | 'withdrawn', cause: MigrationError): void {
    this.#cause ??= cause;
    this.#machine.dispatch({ type });
  }

  async #take(frame: MigrationFrame): Promise<void> {
    switch (frame.type) {
      case 'header':
        this.#streamId = frame.streamId.slice();
        return;
      case 'regions':
        await attempt('target-failed', 'allocate', () => this.#options.target.allocate(frame.regions));
        void this.#acceptLanes();
        return;
      case 'resume-bitmap':
        return this.#announced(frame);
      case 'pages':
        return await this.#takePages(frame);
      case 'state':
        this.#state = this.#collector.add(frame) ?? this.#state;
        return;
      case 'round':
        this.#round = frame.round;
        return;
      case 'end':
        this.#endDigest = frame.digest;
        this.#checkComplete();
        return;
      case 'hand-over':
        return this.#hear(frame.step, frame.lazy);
      case 'hello':
      case 'abort':
      case 'page-request':
      case 'lane':
      case 'skipped':
        return;
    }
  }

  /** Pages that are still to come are told before the offer. */
  #announced(bitmap: PageBitmap): void {
    const account = this.#decoder.account!;
    this.#missing ??= new PageSet(account.regions);
    this.#missing.addBitmap(bitmap);
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
      onFrame: (frame) => this.#take(frame),
    });
    if (lane === undefined) return;
    this.#lane = lane.link;
    this.#fetch?.use(lane.link);
    await this.#listenTo(lane.receiving);
  }

  async #listenTo(receiving: Promise<void>): Promise<void> {
    try {
      await receiving;
      this.#end('lost', this.#link.lost('it closed the lane of requests'));
    } catch (error) {
      this.#end('lost', asMigrationError(error, 'peer-lost', 'receive on a lane'));
    }
  }

  async #takePages({ region, runs, bytes }: PagesFrame): Promise<void> {
    for (const { pageCount } of runs) this.#receivedPages += pageCount;
    if (this.#fetch !== undefined) {
      this.#fetch.take(region, runs, bytes);
      return this.#checkComplete();
    }
    try {
      const writing = this.#options.target.writePages(region, runs, bytes);
      if (writing !== undefined) await writing;
    } catch (error) {
      throw asMigrationError(error, 'target-failed', 'write pages');
    }
  }

  #hear(step: HandOverStep, lazy: boolean): void {
    switch (step) {
      case 'offer':
        this.#isLazy = lazy;
        // The guest stands still at the source from here: whoever waits has a limit of its own.
        this.#link.bePatient();
        return this.#machine.dispatch({ type: 'offer', lazy });
      case 'commit':
        this.#commitNs = this.#options.clock.nowNs();
        return this.#machine.dispatch({ type: 'commit' });
      case 'withdrawn':
        return this.#end('withdrawn', new MigrationError('peer-aborted', 'the source runs the guest itself'));
      case 'prepared':
      case 'started':
      case 'returned':
      case 'complete':
        throw new MigrationError(
          'corrupt-stream',
          `the source says ${step}, which is for a destination to say`,
        );
    }
  }

  async #perform(effect: DestinationEffect): Promise<DestinationEvent | undefined> {
    const { target } = this.#options;
    switch (effect) {
      case 'prepare':
        return await this.#prepare();
      case 'send-prepared':
        this.#enter('wait');
        this.#expectCommit();
        return await this.#say('prepared');
      case 'send-started':
        this.#enter(this.#isLazy ? 'fetch' : 'done');
        await this.#say('started');
        if (this.#isLazy) {
          // The source pushes now: from a live one something comes all the time.
          this.#link.bePatient(false);
          this.#checkComplete();
        }
        return undefined;
      case 'send-returned':
        return await this.#say('returned');
      case 'send-complete':
        this.#enter('done');
        return await this.#say('complete');
      case 'send-refusal':
        await this.#refuse();
        return undefined;
      case 'record-owner':
        return await this.#record('owner');
      case 'record-dropped':
        return await this.#record('dropped');
      case 'start':
        return await this.#start();
      case 'pause':
        // Not awaited: a writer that waits for a page that cannot come is asleep, but never at rest.
        void target.pause().catch(() => undefined);
        return undefined;
      case 'resume':
        await target.resume().catch(() => undefined);
        return undefined;
      case 'discard':
        await target.discard().catch(() => undefined);
        return undefined;
      case 'hang-up':
        await this.#link.destroy();
        return undefined;
    }
  }

  async #prepare(): Promise<DestinationEvent> {
    this.#enter('prepare');
    try {
      const state = this.#state;
      const { account } = this.#decoder;
      if (state === undefined || account === undefined) {
        throw new MigrationError('corrupt-stream', 'the source offers a guest without state or memory');
      }
      if (this.#isLazy) await this.#beLazy(account);
      else this.#assertComplete(account);
      await attempt('target-failed', 'load the state', () => this.#options.target.loadState(state));
    } catch (error) {
      this.#cause ??= asMigrationError(error, 'target-failed', 'prepare');
      return { type: 'failed' };
    }
    const { type } = await this.#record('prepared');
    return { type: type === 'recorded' ? 'ready' : 'failed' };
  }

  /** From here on pages come when they are touched, or unasked. */
  async #beLazy(account: MemoryAccount): Promise<void> {
    const { target } = this.#options;
    const missing = this.#missing ?? new PageSet(account.regions);
    for (const run of missing.runs()) account.terms[run.region]!.forget(run.firstPage, run.pageCount);
    if (account.missingCount !== missing.count) {
      throw new MigrationError('corrupt-stream', 'pages did not come that will not come either', {
        operands: { missing: account.missingCount, announced: missing.count },
      });
    }
    if (target.lazy === undefined) {
      throw new MigrationError(
        'target-failed',
        'the destination cannot run a guest whose pages are still to come',
        {
          hint: 'Use pre-copy. Post-copy needs a target with `lazy`.',
        },
      );
    }
    const memory = await attempt('target-failed', 'lazy', () => target.lazy!([...missing.runs()]));
    this.#fetch = new PageFetch({
      memory,
      regions: account.regions,
      link: this.#lane ?? this.#link,
      onFailure: (error) => this.#end('lost', asMigrationError(error, 'peer-lost', 'ask for pages')),
    });
  }

  /** Post-copy: every page has come, and the memory is what the source had. */
  #checkComplete(): void {
    const account = this.#decoder.account!;
    const { name } = this.#machine.state;
    if (this.#fetch === undefined || this.#endDigest === undefined || account.missingCount > 0) return;
    if (name !== 'fetching' && name !== 'stalled') return;
    try {
      this.#assertComplete(account);
    } catch (error) {
      // It runs on memory that is not what it was: nobody may go on with it, and the source has all of it.
      return this.#end('lost', asMigrationError(error, 'corrupt-stream', 'check the digest'));
    }
    void this.#finishFetching();
  }

  async #finishFetching(): Promise<void> {
    await this.#fetch?.close();
    this.#machine.dispatch({ type: 'complete' });
  }

  /** Every page has come, and the memory is that of the source. */
  #assertComplete(account: MemoryAccount): void {
    const missing = account.missingCount;
    if (missing > 0)
      throw new MigrationError('corrupt-stream', `${missing} pages never came`, { operands: { missing } });
    const expected = this.#endDigest === undefined ? 'none' : formatDigest(this.#endDigest);
    const digest = formatDigest(account.digest);
    if (digest === expected) return;
    throw new MigrationError(
      'corrupt-stream',
      `the digest of what came is ${digest}, the source says ${expected}`,
      {
        operands: { digest, expected },
      },
    );
  }

  async #start(): Promise<DestinationEvent> {
    this.#enter('start');
    try {
      await this.#options.target.start();
    } catch (error) {
      this.#cause ??= asMigrationError(error, 'target-failed', 'start');
      return { type: 'start-failed' };
    }
    this.#startedNs = this.#options.clock.nowNs();
    return { type: 'started' };
  }

  /** A word that does not get through is a lost connection, which the reading side notices. */
  async #say(step: HandOverStep): Promise<undefined> {
    const { control } = this.#link;
    const tookUs =
      step === 'started' ? Math.max(0, Math.round((this.#startedNs - this.#commitNs) / NS_PER_US)) : 0;
    const digest = this.#decoder.account?.digest ?? new Uint32Array(2);
    const word = control.handOver({ step, lazy: false, digest, tookUs, lanes: 0 });
    await this.#link.send([word]).catch(() => undefined);
  }

  async #refuse(): Promise<void> {
    const { code = 'aborted', message = 'the destination gave up' } = this.#cause ?? {};
    await this.#link.close([this.#link.control.abort({ code, message })]);
  }

  /** A source that says nothing for long is lost, as if the connection had broken. */
  #expectCommit(): void {
    const { clock, timeouts } = this.#options;
    const late = async () => {
      await clock.after(timeouts.handOverMs, this.#over.signal);
      if (this.#over.signal.aborted || this.#machine.state.name !== 'prepared') return;
      this.#end('lost', this.#link.lost(`it said nothing for ${timeouts.handOverMs} ms`));
    };
    void late();
  }

  readonly #over = new AbortController();

  async #record(word: DestinationRecord): Promise<DestinationEvent> {
    const { record = noRecord } = this.#options;
    try {
      await record.write(word);
      return { type: 'recorded' };
    } catch (error) {
      this.#cause ??= new MigrationError('record-failed', 'who owns the guest could not be put on record', {
        cause: error,
      });
      return { type: 'record-failed' };
    }
  }

  async #lingers(listening: Promise<void>): Promise<void> {
    const { clock, timeouts } = this.#options;
    await Promise.race([listening, clock.after(timeouts.handOverMs, this.#over.signal)]);
  }

  #outcome(state: DestinationState): ArrivalSummary {
    if (state.name === 'running') return this.#summary();
    const cause = this.#cause;
    if (state.name === 'undecided') {
      throw new MigrationError('undecided', `undecided: ${cause?.message ?? 'the link broke'}`, { cause });
    }
    if (state.name === 'stalled') {
      throw new MigrationError('split', `split: ${cause?.message ?? 'the link broke'}`, { cause });
    }
    throw cause ?? new MigrationError('peer-lost', 'the migration did not happen');
  }

  #summary(): ArrivalSummary {
    const account = this.#decoder.account!;
    return {
      postcopy: this.#isLazy,
      durationMs: (this.#options.clock.nowNs() - this.#startNs) / NS_PER_MS,
      pages: account.pageCount,
      memoryBytes: account.regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      receivedPages: this.#receivedPages,
      receivedBytes: this.#decoder.offset,
      rounds: this.#round,
      digest: formatDigest(account.digest),
      stateKind: this.#state?.kind ?? '',
      startMs: (this.#startedNs - this.#commitNs) / NS_PER_MS,
      requestedPages: this.#fetch?.requestedPages ?? 0,
    };
  }

  #enter(phase: DestinationPhase): void {
    this.#phase = phase;
    this.#options.events.emit({ type: 'phase', phase, atNs: this.#options.clock.nowNs() });
  }

  #tick(): { stop: () => void } {
    const { clock, events, progressIntervalMs } = this.#options;
    const ticking = async () => {
      while (!this.#over.signal.aborted) {
        // oxlint-disable-next-line no-await-in-loop -- a clock
        await clock.after(progressIntervalMs, this.#over.signal);
        if (!this.#over.signal.aborted && events.hasReaders) {
          events.emit({ type: 'progress', atNs: clock.nowNs(), progress: this.progress() });
        }
      }
    };
    void ticking();
    return { stop: () => this.#over.abort('over') };
  }
}
