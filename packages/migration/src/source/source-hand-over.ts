/* oxlint-disable typescript/consistent-return -- the switches are exhaustive, which the compiler checks */
import type { HandOver } from '@stillframe/page-stream';
import type { Clock } from '@stillframe/snapshot';
import { MigrationError } from '../error.ts';
import type { MovingGuest } from '../guest.ts';
import { Patience } from '../hand-over/patience.ts';
import { type HandOverRecord, noRecord, type SourceRecord } from '../hand-over/record.ts';
import { MachineRunner } from '../hand-over/runner.ts';
import {
  type SourceEffect,
  type SourceEvent,
  type SourceState,
  sourceStart,
  stepSource,
} from '../hand-over/source-machine.ts';
import type { MigrationLink } from '../link/migration-link.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';
import { DowntimeWatch } from './downtime.ts';

export interface SourceHandOverOptions {
  readonly guest: MovingGuest;
  readonly link: MigrationLink;
  readonly record: HandOverRecord<SourceRecord> | undefined;
  readonly clock: Clock;
  readonly timeouts: MigrationTimeouts;
  /** Of the memory as it was sent. */
  readonly digest: () => Uint32Array;
  /** Before the guest goes on here. */
  readonly beforeResume: () => Promise<void>;
  readonly onState: (state: SourceState) => void;
}

/** Does what `stepSource` decides, and tells it what became of it. */
export class SourceHandOver {
  readonly downtime: DowntimeWatch;
  readonly #options: SourceHandOverOptions;
  readonly #machine: MachineRunner<SourceState, SourceEvent, SourceEffect>;
  readonly #patience: Patience;
  #cause: MigrationError | undefined;
  #isLazy = false;
  #lanes = 0;

  constructor(options: SourceHandOverOptions) {
    this.#options = options;
    this.downtime = new DowntimeWatch(options.clock);
    this.#patience = new Patience(options.clock);
    this.#machine = new MachineRunner({
      start: sourceStart,
      step: stepSource,
      perform: (effect) => this.#perform(effect),
      onState: (state) => {
        this.#patience.answered();
        options.onState(state);
      },
    });
  }

  get state(): SourceState {
    return this.#machine.state;
  }

  /** Why the migration ends, if it does not succeed: the first that is known counts. */
  get cause(): MigrationError | undefined {
    return this.#cause;
  }

  /** The guest is paused, and everything that goes before the hand-over has been sent, also on `lanes` further connections. */
  offer(isLazy: boolean, lanes: number): void {
    this.#isLazy = isLazy;
    this.#lanes = lanes;
    this.#machine.dispatch({ type: 'sent', lazy: isLazy });
  }

  /** It will not come to an end as it was meant to. */
  end(type: 'lost' | 'refused' | 'failed' | 'cancelled', cause: MigrationError): void {
    this.#cause ??= cause;
    this.#machine.dispatch({ type });
  }

  /** A word of the destination. Throws for one that is not for it to say. */
  hear({ step, tookUs }: HandOver): void {
    switch (step) {
      case 'prepared':
        this.downtime.mark('prepared');
        break;
      case 'started':
        this.downtime.started(tookUs);
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
          `the destination says ${step}, which is for a source to say`,
        );
    }
    this.#machine.dispatch({ type: step });
  }

  /** The destination has to say something within `limitMs`, or is lost. */
  expectAnswer(limitMs: number): void {
    const { link } = this.#options;
    this.#patience.expect(limitMs, () => {
      this.end('lost', link.lost(`it did not answer for ${limitMs} ms`));
      void link.destroy();
    });
  }

  /** Resolves when nothing more will happen by itself. */
  settled(): Promise<SourceState> {
    return this.#machine.reach(['kept', 'released', 'indeterminate', 'split']);
  }

  async #perform(effect: SourceEffect): Promise<SourceEvent | undefined> {
    const { guest, link, timeouts } = this.#options;
    switch (effect) {
      case 'send-offer':
        return await this.#say('offer', timeouts.preparedMs);
      case 'send-commit':
        return await this.#say('commit', timeouts.handOverMs);
      case 'send-withdrawn':
        return this.#withdraw();
      case 'record-relinquished':
        return await this.#record('relinquished');
      case 'record-kept':
        return await this.#record('owner');
      case 'resume':
        await this.#options.beforeResume();
        await this.#resume();
        return undefined;
      case 'release':
        // The guest runs elsewhere: what cannot be given up here does no harm to it.
        await guest.release().catch(() => undefined);
        return undefined;
      case 'hang-up':
        await link.destroy();
        return undefined;
    }
  }

  /** A word that does not get through is a lost connection, which the reading side notices. */
  async #say(step: 'offer' | 'commit', limitMs: number): Promise<undefined> {
    const { link } = this.#options;
    const isOffer = step === 'offer';
    const digest = isOffer ? this.#options.digest() : new Uint32Array(2);
    const name = this.#machine.state.name;
    const word = link.control.handOver({
      step,
      lazy: isOffer && this.#isLazy,
      digest,
      tookUs: 0,
      lanes: isOffer ? this.#lanes : 0,
    });
    await link.send([word]).catch(() => undefined);
    if (this.#machine.state.name === name) this.expectAnswer(limitMs);
  }

  /** Not awaited: the guest goes on at once. */
  #withdraw(): undefined {
    const { code = 'aborted', message = 'the source gave up' } = this.#cause ?? {};
    const { link } = this.#options;
    void link.close([link.control.abort({ code, message })]);
  }

  async #record(word: SourceRecord): Promise<SourceEvent> {
    const { guest, record = noRecord } = this.#options;
    try {
      // First: a guest that went on by itself, with the record saying otherwise, would run twice.
      if (word === 'relinquished') await guest.relinquish?.();
      await record.write(word);
      return { type: 'recorded' };
    } catch (cause) {
      this.#cause ??= new MigrationError('record-failed', 'who owns the guest could not be put on record', {
        cause,
      });
      return { type: 'record-failed' };
    }
  }

  async #resume(): Promise<void> {
    try {
      await this.#options.guest.resume();
    } catch (cause) {
      this.#cause = new MigrationError('guest-left-paused', 'the guest could not be resumed', {
        cause,
        operands: { after: this.#cause?.code ?? '' },
      });
    }
  }
}
