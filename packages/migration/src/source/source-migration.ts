/* oxlint-disable typescript/consistent-return -- the switches are exhaustive, which the compiler checks */
import { randomBytes } from 'node:crypto';
import {
  type AnnouncedLimits,
  formatDigest,
  MemoryAccount,
  MigrationDecoder,
  MigrationEncoder,
  type MigrationFrame,
  type RequestedRun,
} from '@stillframe/page-stream';
import type { Clock, EventHub } from '@stillframe/snapshot';
import { asMigrationError, attempt, MigrationError } from '../error.ts';
import type { MigrationSummary, SourceEvents, SourcePhase, SourceProgress } from '../event.ts';
import type { DirtyRun, Tracker } from '../guest.ts';
import { noRecord } from '../hand-over/record.ts';
import { MachineRunner } from '../hand-over/runner.ts';
import {
  type SourceEffect,
  type SourceEvent,
  type SourceState,
  sourceStart,
  stepSource,
} from '../hand-over/source-machine.ts';
import { MigrationLink } from '../link/migration-link.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';
import type { ConvergencePolicy, RoundNumbers } from '../policy/convergence.ts';
import { DowntimeWatch } from './downtime.ts';
import { estimatesOf } from './estimates.ts';
import type { MigrateOptions } from './migrate-guest.ts';
import { PageSet } from '../pages/page-set.ts';
import { pagesIn } from './page-batches.ts';
import { PageSender } from './page-sender.ts';
import { PageService } from './page-service.ts';
import { openRequestLane } from './request-lane.ts';
import { runRounds } from './rounds.ts';

export interface SourceMigrationOptions extends MigrateOptions {
  readonly events: EventHub<SourceEvents>;
  readonly clock: Clock;
  readonly policy: ConvergencePolicy;
  readonly timeouts: MigrationTimeouts;
  readonly progressIntervalMs: number;
}

const NS_PER_MS = 1_000_000;

/** The guest stands still: its pages may be given away. */
const SERVING: ReadonlySet<SourceState['name']> = new Set([
  'offered',
  'relinquishing',
  'committed',
  'serving',
]);

/** One migration at its source: the driver that awaits, around `stepSource` that decides. */
export class SourceMigration {
  readonly #options: SourceMigrationOptions;
  readonly #account: MemoryAccount;
  readonly #link: MigrationLink;
  readonly #machine: MachineRunner<SourceState, SourceEvent, SourceEffect>;
  readonly #downtime: DowntimeWatch;
  readonly #streamId = new Uint8Array(randomBytes(16));
  readonly #rounds: RoundNumbers[] = [];
  readonly #startNs: number;
  #phase: SourcePhase = 'connect';
  #sender: PageSender | undefined;
  #encoder: MigrationEncoder | undefined;
  #tracker: Tracker | undefined;
  #stateKind = '';
  #roundPages = 0;
  #roundBase = 0;
  /** Why the migration ends, if it does not succeed: the first that is known counts. */
  #cause: MigrationError | undefined;
  #isLazy = false;
  #lane: MigrationLink | undefined;
  #service: PageService | undefined;

  constructor(options: SourceMigrationOptions) {
    this.#options = options;
    const { guest, transport, clock, timeouts, codec } = options;
    this.#account = new MemoryAccount(guest.regions, codec);
    this.#downtime = new DowntimeWatch(clock);
    this.#startNs = clock.nowNs();
    const decoder = new MigrationDecoder({
      from: 'destination',
      account: this.#account,
      ...(codec === undefined ? {} : { codec }),
    });
    this.#link = new MigrationLink({ transport, role: 'source', decoder, clock, timeouts });
    this.#machine = new MachineRunner({
      start: sourceStart,
      step: stepSource,
      perform: (effect) => this.#perform(effect),
      onState: (state) => this.#onState(state),
    });
  }

  async run(signal: AbortSignal): Promise<MigrationSummary> {
    const onAbort = () => this.#end('cancelled', abortedError(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const ticking = this.#tick();
    try {
      await this.#move();
    } catch (error) {
      this.#end('failed', asMigrationError(error, 'guest-failed', 'migrate'));
    }
    try {
      return this.#outcome(await this.#machine.reach(['kept', 'released', 'indeterminate', 'split']));
    } finally {
      signal.removeEventListener('abort', onAbort);
      ticking.stop();
      this.#over.abort('over');
      await this.#closeTracker();
      await Promise.all([this.#link.close(), this.#lane?.close()]);
      await Promise.all([this.#link.destroy(), this.#lane?.destroy()]);
    }
  }

  progress(): SourceProgress {
    const { clock, mode } = this.#options;
    const sentPages = this.#sender?.sentPages ?? 0;
    return {
      phase: this.#phase,
      mode,
      elapsedMs: (clock.nowNs() - this.#startNs) / NS_PER_MS,
      round: this.#rounds.length + 1,
      roundPages: this.#roundPages,
      roundSentPages: sentPages - this.#roundBase,
      sentPages,
      sentBytes: this.#link.sentBytes,
      estimates: estimatesOf(this.#rounds, 0),
      remainingPages: this.#service?.remainingPages ?? 0,
      requestedPages: this.#service?.requestedPages ?? 0,
    };
  }

  async #move(): Promise<void> {
    const { codec, guest, mode } = this.#options;
    this.#enter('connect');
    const { hello, receive } = await this.#link.open((frame) => this.#take(frame));
    this.#link.bePatient();
    void this.#listen(receive);
    const encoder = new MigrationEncoder({
      account: this.#account,
      limits: hello.limits,
      ...(codec === undefined ? {} : { codec }),
    });
    this.#encoder = encoder;
    this.#sender = new PageSender({ guest, link: this.#link, encoder, account: this.#account });
    await this.#link.send(encoder.start(this.#streamId));
    const action = mode === 'postcopy' ? 'switch' : await this.#precopy();
    this.#isLazy = action === 'switch';
    if (this.#isLazy) await this.#openLane(hello.limits);
    await this.#stop();
  }

  async #precopy(): Promise<'stop' | 'switch'> {
    const { guest, policy, clock, events } = this.#options;
    this.#enter('rounds');
    const tracker = await attempt('guest-failed', 'track', () => guest.track());
    this.#tracker = tracker;
    const { action } = await runRounds({
      tracker,
      policy,
      clock,
      pageSizes: guest.regions.map(({ pageSize }) => pageSize),
      memoryBytes: guest.regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      everything: this.#everything(),
      send: (round, runs) => this.#sendRound(round, runs),
      sentBytes: () => this.#link.sentBytes,
      onRound: (round, decision) => {
        this.#rounds.push(round);
        events.emit({
          type: 'round',
          atNs: clock.nowNs(),
          round,
          estimates: estimatesOf(this.#rounds, 0),
          decision,
        });
      },
    });
    return action;
  }

  /** Before the guest stands still: what cannot be had is no reason to stop it. */
  async #openLane(limits: AnnouncedLimits): Promise<void> {
    const { connect, guest, codec, clock, timeouts } = this.#options;
    const encoderOptions = { account: this.#account, limits, ...(codec === undefined ? {} : { codec }) };
    let answer = this.#sender!;
    if (connect !== undefined) {
      const lane = await openRequestLane({
        transport: await attempt('peer-lost', 'open the lane of requests', () => connect(this.#over.signal)),
        account: this.#account,
        streamId: this.#streamId,
        clock,
        timeouts,
        onFrame: (frame) => this.#take(frame),
      });
      this.#lane = lane.link;
      void this.#listen(lane.receive);
      const encoder = new MigrationEncoder(encoderOptions);
      answer = new PageSender({ guest, link: lane.link, encoder, account: this.#account });
    }
    const pending = new PageSet(guest.regions, this.#tracker === undefined ? this.#everything() : []);
    this.#pending = pending;
    this.#service = new PageService({
      pending,
      pageSizes: guest.regions.map(({ pageSize }) => pageSize),
      push: this.#sender!,
      answer,
    });
  }

  #pending: PageSet | undefined;
  readonly #over = new AbortController();

  /** In post-copy what is left is not sent now: the destination is told what will come. */
  async #announce(last: readonly DirtyRun[]): Promise<void> {
    const pending = this.#pending!;
    for (const run of last) pending.add(run);
    for (const { region, firstPage, pageCount } of pending.runs()) {
      this.#account.terms[region]!.forget(firstPage, pageCount);
    }
    await this.#link.send([...pending.bitmaps()].map((bitmap) => this.#link.control.resumeBitmap(bitmap)));
  }

  /** The guest runs at the destination: everything that is only here goes there. */
  async #serve(): Promise<void> {
    this.#enter('serve');
    try {
      await this.#service!.run();
      await this.#link.send(this.#encoder!.end());
      this.#expectAnswer('complete');
    } catch (error) {
      this.#end('lost', asMigrationError(error, 'peer-lost', 'serve pages'));
      await this.#link.destroy();
    }
  }

  /** The guest stands still from here. */
  async #stop(): Promise<void> {
    const { guest } = this.#options;
    this.#enter('pause');
    this.#check();
    this.#downtime.mark('pause');
    await attempt('guest-failed', 'pause', () => guest.pause());
    this.#downtime.mark('paused');
    this.#enter('final');
    const tracker = this.#tracker;
    const last =
      tracker === undefined
        ? []
        : await attempt('guest-failed', 'collect dirty pages', () => tracker.collect());
    const saving = attempt('guest-failed', 'save the state', () => guest.saveState());
    saving.catch(() => undefined);
    if (this.#isLazy) await this.#announce(last);
    else await this.#sendRound(this.#rounds.length + 1, last);
    const state = await saving;
    this.#stateKind = state.kind;
    const saved = this.#encoder!.state(state);
    await this.#link.send(this.#isLazy ? saved : [...saved, ...this.#encoder!.end()]);
    this.#check();
    this.#downtime.mark('sent');
    this.#enter('drain');
    this.#machine.dispatch({ type: 'sent', lazy: this.#isLazy });
  }

  async #sendRound(round: number, runs: readonly DirtyRun[]): Promise<void> {
    this.#roundPages = pagesIn(runs);
    this.#roundBase = this.#sender!.sentPages;
    await this.#sender!.send(runs, () => this.#check());
    await this.#link.send(this.#encoder!.roundMark({ round, pages: this.#roundPages }));
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
    if (this.#machine.state.name === 'moving') return;
    throw this.#cause ?? new MigrationError('peer-lost', 'the migration has ended');
  }

  async #listen(receive: () => Promise<void>): Promise<void> {
    try {
      await receive();
      this.#end('lost', this.#link.lost('it closed the connection'));
    } catch (error) {
      const failure = asMigrationError(error, 'peer-lost', 'receive');
      this.#end(failure.code === 'peer-lost' ? 'lost' : 'refused', failure);
    }
  }

  #end(type: 'lost' | 'refused' | 'failed' | 'cancelled', cause: MigrationError): void {
    this.#cause ??= cause;
    this.#machine.dispatch({ type });
  }

  #take(frame: MigrationFrame): void {
    if (frame.type === 'page-request') return this.#answer(frame.requested);
    if (frame.type !== 'hand-over') return;
    switch (frame.step) {
      case 'prepared':
        this.#downtime.mark('prepared');
        break;
      case 'started':
        this.#downtime.started(frame.tookUs);
        break;
      case 'returned':
        this.#cause ??= new MigrationError('target-failed', 'the destination could not start the guest');
        break;
      case 'complete':
        break;
      case 'offer':
      case 'commit':
      case 'withdrawn':
        throw new MigrationError(
          'corrupt-stream',
          `the destination says ${frame.step}, which is for a source to say`,
        );
    }
    this.#machine.dispatch({ type: frame.step });
  }

  #answer(requested: readonly RequestedRun[]): void {
    if (this.#service === undefined || !SERVING.has(this.#machine.state.name)) {
      throw new MigrationError('corrupt-stream', 'the destination asks for pages of a guest that still runs');
    }
    void this.#service.request(requested).catch((error: unknown) => {
      this.#end('lost', asMigrationError(error, 'peer-lost', 'answer a request'));
    });
  }

  async #perform(effect: SourceEffect): Promise<SourceEvent | undefined> {
    const { guest } = this.#options;
    switch (effect) {
      case 'send-offer':
        return await this.#say('offer');
      case 'send-commit':
        this.#enter('commit');
        return await this.#say('commit');
      case 'send-withdrawn':
        await this.#withdraw();
        return undefined;
      case 'record-relinquished':
        return await this.#record('relinquished');
      case 'record-kept':
        return await this.#record('owner');
      case 'resume':
        await this.#closeTracker();
        await this.#resume();
        return undefined;
      case 'release':
        this.#enter('done');
        // The guest runs elsewhere: what cannot be given up here does no harm to it.
        await guest.release().catch(() => undefined);
        return undefined;
      case 'hang-up':
        await this.#link.destroy();
        return undefined;
    }
  }

  /** A word that does not get through is a lost connection, which the reading side notices. */
  async #say(step: 'offer' | 'commit'): Promise<undefined> {
    const { control } = this.#link;
    const digest = step === 'offer' ? this.#account.digest : new Uint32Array(2);
    const word = control.handOver({
      step,
      lazy: step === 'offer' && this.#isLazy,
      digest,
      tookUs: 0,
      lanes: 0,
    });
    await this.#link.send([word]).catch(() => undefined);
    this.#expectAnswer(step);
  }

  /** The guest stands still while the destination is silent. */
  #expectAnswer(step: 'offer' | 'commit' | 'complete'): void {
    const { clock, timeouts } = this.#options;
    const waiting = this.#machine.state.name;
    const limitMs = step === 'commit' ? timeouts.handOverMs : timeouts.preparedMs;
    const over = new AbortController();
    this.#answerTimer?.abort('over');
    this.#answerTimer = over;
    const late = async () => {
      await clock.after(limitMs, over.signal);
      if (over.signal.aborted || this.#machine.state.name !== waiting) return;
      this.#end('lost', this.#link.lost(`it did not answer for ${limitMs} ms`));
      await this.#link.destroy();
    };
    void late();
  }

  #answerTimer: AbortController | undefined;

  /** The guest is to go on at once: nobody waits for long. */
  async #withdraw(): Promise<void> {
    const { code = 'aborted', message = 'the source gave up' } = this.#cause ?? {};
    void this.#link.close([this.#link.control.abort({ code, message })]);
  }

  async #record(word: 'owner' | 'relinquished'): Promise<SourceEvent> {
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

  async #resume(): Promise<void> {
    try {
      await this.#options.guest.resume();
    } catch (error) {
      this.#cause = new MigrationError('guest-left-paused', 'the guest could not be resumed', {
        cause: error,
        operands: { after: this.#cause?.code ?? '' },
      });
    }
  }

  async #closeTracker(): Promise<void> {
    const tracker = this.#tracker;
    this.#tracker = undefined;
    await tracker?.close().catch(() => undefined);
  }

  #onState(state: SourceState): void {
    if (state.name === 'offered' || state.name === 'committed' || state.name === 'moving') return;
    if (state.name !== 'relinquishing') this.#answerTimer?.abort('over');
    if (state.name === 'serving') void this.#serve();
    if (state.name === 'split' || state.name === 'kept') this.#service?.end();
  }

  #outcome(state: SourceState): MigrationSummary {
    if (state.name === 'released') return this.#summary();
    const cause = this.#cause;
    if (state.name === 'indeterminate' || state.name === 'split') {
      throw new MigrationError(state.name, `${state.name}: ${cause?.message ?? 'the link broke'}`, { cause });
    }
    throw cause ?? new MigrationError('peer-lost', 'the migration did not happen');
  }

  #summary(): MigrationSummary {
    const { guest, mode, policy, clock } = this.#options;
    const memoryBytes = guest.regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const downtime = this.#downtime.numbers();
    const sentBytes = this.#link.sentBytes + (this.#lane?.sentBytes ?? 0);
    return {
      mode,
      postcopy: this.#isLazy,
      policy: mode === 'postcopy' ? 'none' : policy.name,
      durationMs: (clock.nowNs() - this.#startNs) / NS_PER_MS,
      downtimeMs: downtime.totalMs,
      downtime,
      rounds: this.#rounds,
      memoryBytes,
      pages: this.#account.pageCount,
      sentPages: this.#sender?.sentPages ?? 0,
      sentBytes,
      totalRatio: memoryBytes === 0 ? 0 : sentBytes / memoryBytes,
      digest: formatDigest(this.#account.digest),
      requestedPages: this.#service?.requestedPages ?? 0,
      stateKind: this.#stateKind,
    };
  }

  #enter(phase: SourcePhase): void {
    this.#phase = phase;
    this.#options.events.emit({ type: 'phase', phase, atNs: this.#options.clock.nowNs() });
  }

  #tick(): { stop: () => void } {
    const { clock, events, progressIntervalMs } = this.#options;
    const over = new AbortController();
    const ticking = async () => {
      while (!over.signal.aborted) {
        // oxlint-disable-next-line no-await-in-loop -- a clock
        await clock.after(progressIntervalMs, over.signal);
        if (!over.signal.aborted && events.hasReaders) {
          events.emit({ type: 'progress', atNs: clock.nowNs(), progress: this.progress() });
        }
      }
    };
    void ticking();
    return { stop: () => over.abort('over') };
  }
}

function abortedError(reason: unknown): MigrationError {
  return new MigrationError('aborted', 'the migration was aborted', { cause: reason });
}
