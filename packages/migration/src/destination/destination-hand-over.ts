/* oxlint-disable typescript/consistent-return -- the switches are exhaustive, which the compiler checks */
import type { HandOver, HandOverStep } from '@stillframe/page-stream';
import type { Clock } from '@stillframe/snapshot';
import { asMigrationError, MigrationError } from '../error.ts';
import type { MovingTarget } from '../guest.ts';
import {
  type DestinationEffect,
  type DestinationEvent,
  type DestinationState,
  destinationStart,
  stepDestination,
} from '../hand-over/destination-machine.ts';
import { Patience } from '../hand-over/patience.ts';
import { type DestinationRecord, type HandOverRecord, noRecord } from '../hand-over/record.ts';
import { MachineRunner } from '../hand-over/runner.ts';
import type { MigrationLink } from '../link/migration-link.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';

export interface DestinationHandOverOptions {
  readonly target: MovingTarget;
  readonly link: MigrationLink;
  readonly record: HandOverRecord<DestinationRecord> | undefined;
  readonly clock: Clock;
  readonly timeouts: MigrationTimeouts;
  /** Of the memory as it came. */
  readonly digest: () => Uint32Array;
  /** Waits for the pages of `lanes` further connections, checks what came and takes the state; throws what is wrong with it. */
  readonly prepare: (isLazy: boolean, lanes: number) => Promise<void>;
  readonly onState: (state: DestinationState) => void;
}

const NS_PER_US = 1000;
const NS_PER_MS = 1_000_000;

/** Does what `stepDestination` decides, and tells it what became of it. */
export class DestinationHandOver {
  readonly #options: DestinationHandOverOptions;
  readonly #machine: MachineRunner<DestinationState, DestinationEvent, DestinationEffect>;
  readonly #patience: Patience;
  #cause: MigrationError | undefined;
  #isLazy = false;
  #lanes = 0;
  #commitNs = 0;
  #startedNs = 0;

  constructor(options: DestinationHandOverOptions) {
    this.#options = options;
    this.#patience = new Patience(options.clock);
    this.#machine = new MachineRunner({
      start: destinationStart,
      step: stepDestination,
      perform: (effect) => this.#perform(effect),
      onState: (state) => {
        this.#patience.answered();
        options.onState(state);
      },
    });
  }

  get state(): DestinationState {
    return this.#machine.state;
  }

  /** Why it ends, if it does not succeed: the first that is known counts. */
  get cause(): MigrationError | undefined {
    return this.#cause;
  }

  /** Post-copy. */
  get isLazy(): boolean {
    return this.#isLazy;
  }

  /** From COMMIT until the guest ran. */
  get startMs(): number {
    return Math.max(0, this.#startedNs - this.#commitNs) / NS_PER_MS;
  }

  /** It will not come to an end as it was meant to. */
  end(type: 'lost' | 'failed' | 'cancelled' | 'withdrawn', cause: MigrationError): void {
    this.#cause ??= cause;
    this.#machine.dispatch({ type });
  }

  /** Post-copy: every page has come, and is right. */
  complete(): void {
    this.#machine.dispatch({ type: 'complete' });
  }

  /** A word of the source. Throws for one that is not for it to say. */
  hear({ step, lazy, lanes }: HandOver): void {
    switch (step) {
      case 'offer':
        this.#isLazy = lazy;
        this.#lanes = lanes;
        // The source waits for us from here on.
        this.#options.link.bePatient();
        return this.#machine.dispatch({ type: 'offer', lazy });
      case 'commit':
        this.#commitNs = this.#options.clock.nowNs();
        return this.#machine.dispatch({ type: 'commit' });
      case 'withdrawn':
        return this.end('withdrawn', new MigrationError('peer-aborted', 'the source runs the guest itself'));
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

  /** Resolves when nothing more will happen by itself. */
  settled(): Promise<DestinationState> {
    return this.#machine.reach(['dropped', 'running', 'undecided', 'stalled']);
  }

  async #perform(effect: DestinationEffect): Promise<DestinationEvent | undefined> {
    const { target, link } = this.#options;
    switch (effect) {
      case 'prepare':
        return await this.#prepare();
      case 'send-prepared':
        this.#expectCommit();
        return await this.#say('prepared');
      case 'send-started':
        return await this.#say('started');
      case 'send-returned':
        return await this.#say('returned');
      case 'send-complete':
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
        await link.destroy();
        return undefined;
    }
  }

  async #prepare(): Promise<DestinationEvent> {
    try {
      await this.#options.prepare(this.#isLazy, this.#lanes);
    } catch (error) {
      this.#cause ??= asMigrationError(error, 'target-failed', 'prepare');
      return { type: 'failed' };
    }
    const { type } = await this.#record('prepared');
    return { type: type === 'recorded' ? 'ready' : 'failed' };
  }

  async #start(): Promise<DestinationEvent> {
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
    const { link, digest } = this.#options;
    const tookUs =
      step === 'started' ? Math.max(0, Math.round((this.#startedNs - this.#commitNs) / NS_PER_US)) : 0;
    const word = link.control.handOver({ step, lazy: false, digest: digest(), tookUs, lanes: 0 });
    await link.send([word]).catch(() => undefined);
  }

  async #refuse(): Promise<void> {
    const { code = 'aborted', message = 'the destination gave up' } = this.#cause ?? {};
    const { link } = this.#options;
    await link.close([link.control.abort({ code, message })]);
  }

  /** A source that says nothing for long is lost, as if the connection had broken. */
  #expectCommit(): void {
    const { link, timeouts } = this.#options;
    this.#patience.expect(timeouts.handOverMs, () =>
      this.end('lost', link.lost(`it said nothing for ${timeouts.handOverMs} ms`)),
    );
  }

  async #record(word: DestinationRecord): Promise<DestinationEvent> {
    const { record = noRecord } = this.#options;
    try {
      await record.write(word);
      return { type: 'recorded' };
    } catch (cause) {
      this.#cause ??= new MigrationError('record-failed', 'who owns the guest could not be put on record', {
        cause,
      });
      return { type: 'record-failed' };
    }
  }
}
