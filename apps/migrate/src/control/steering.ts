import type { Limiter } from '@stillframe/limiter';
import type { LinkNumbers, SnapshotRun } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';
import type { LimiterChoice, LimiterSource } from '../options/limiter-choice.ts';
import type { Report } from '../report/report.ts';
import type { Status } from './protocol.ts';

/** Who wants a change: a client of the control socket, or a SIGHUP. */
export type ChangedBy = 'control' | 'reload';

/** A picture that can be steered before, while and after it is taken. Every change is told as an event. */
export class Steering {
  readonly #report: Report;
  readonly #cancel = new AbortController();
  #choice: LimiterChoice;
  #isPaused = false;
  #run: SnapshotRun | undefined;
  #hasEnded = false;
  #hasMore = false;
  #link: (() => LinkNumbers) | undefined;

  constructor(choice: LimiterChoice, report: Report) {
    this.#choice = choice;
    this.#report = report;
  }

  /** Fires when the picture is cancelled. */
  get signal(): AbortSignal {
    return this.#cancel.signal;
  }

  /** For the snapshot to begin with. */
  get limiter(): Limiter {
    return this.#choice.limiter;
  }

  /** What the limiter was made from: the one that is being tried, while it is. */
  get source(): LimiterSource {
    const { setting, directory } = this.#choice;
    return { setting, directory };
  }

  /** From now on changes go to `run`, which was started with `limiter`. */
  follow(run: SnapshotRun, startedWith: Limiter): void {
    this.#run = run;
    this.#hasEnded = false;
    if (startedWith !== this.#choice.limiter) run.useLimiter(this.#choice.limiter);
    if (this.#isPaused) run.holdSweep(true);
    const onEnd = () => {
      this.#hasEnded = !this.#hasMore;
    };
    run.result.then(onEnd, () => {
      this.#hasEnded = true;
    });
  }

  followLink(link: (() => LinkNumbers) | undefined): void {
    this.#link = link;
  }

  /** Whether another snapshot comes after the one that runs: then what is said in between is for that one. */
  expectMore(hasMore: boolean): void {
    this.#hasMore = hasMore;
  }

  /** Throws SnapshotError `limiter-failed`, and keeps the old one, when the new one cannot be used. */
  setLimiter(choice: LimiterChoice, by: ChangedBy): void {
    this.#assertGoesOn();
    const before = this.#choice;
    try {
      this.#choice = choice;
      this.#run?.useLimiter(choice.limiter);
    } catch (error) {
      this.#choice = before;
      throw error;
    }
    const { name } = choice.limiter;
    this.#report.talk(`the limiter is ${name} now (${WORDS[by]})`);
    this.#report.event({ type: 'limiter-set', by, limiter: name, setting: choice.setting });
  }

  /** Holds the sweep, or lets it go on; faults are served all the same. */
  pause(isPaused: boolean, by: ChangedBy): void {
    this.#assertGoesOn();
    if (this.#isPaused === isPaused) return;
    this.#isPaused = isPaused;
    this.#run?.holdSweep(isPaused);
    this.#report.talk(isPaused ? 'the sweep is paused' : 'the sweep goes on');
    this.#report.event({ type: 'sweep', state: isPaused ? 'paused' : 'going', by });
  }

  cancel(by: ChangedBy): void {
    this.#assertGoesOn();
    this.#report.event({ type: 'cancel', by });
    const hint = 'The guest goes on. Nothing was kept.';
    this.#cancel.abort(new CliError('CANCELLED', 'cancelled through the control socket', { hint }));
  }

  #assertGoesOn(): void {
    if (this.#hasEnded)
      throw new CliError('REFUSED', 'the snapshot has ended: there is nothing left to steer', {
        hint: '`migrate ctl … status` still answers, until the command ends.',
      });
  }

  status(): Status {
    const { limiter, setting } = this.#choice;
    const run = this.#run;
    return {
      state: run === undefined ? 'waiting' : this.#hasEnded ? 'done' : 'running',
      paused: this.#isPaused,
      limiter: { name: limiter.name, setting },
      ...(run === undefined ? {} : { progress: run.progress() }),
      ...(this.#link === undefined ? {} : { link: this.#link() }),
    };
  }
}

const WORDS: Readonly<Record<ChangedBy, string>> = {
  control: 'set through the control socket',
  reload: 'read again from the config file',
};
