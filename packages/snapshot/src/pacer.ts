import type { Grant, Limiter, Observation } from '@stillframe/limiter';
import type { Clock } from './clock.ts';
import { attemptNow, SnapshotError } from './error.ts';
import type { LimiterNumbers, LimiterStep } from './event.ts';
import type { Capture } from './guest.ts';
import type { Observer, Taken } from './observer.ts';

export interface PacerOptions {
  readonly capture: Capture;
  readonly observer: Observer;
  readonly limiter: Limiter;
  readonly clock: Clock;
  /** The sweep is held from the start. */
  readonly isHeld: boolean;
  /** At most this many pages in one grant: 1 in inline mode. */
  readonly grantMaxPages: number;
  /** Called when the limiter changes its mind, not at every step. */
  readonly onChange: (limiter: string, grant: Grant) => void;
  /** Called at every step. */
  readonly onStep?: (step: LimiterStep) => void;
}

const NS_PER_MS = 1_000_000;

/** Asks the limiter and tells the sweep what it allows. */
export class Pacer {
  readonly #options: PacerOptions;
  #limiter: Limiter;
  #state: unknown;
  /** How the limiter got its state, until its first step has been told. */
  #began: LimiterStep['began'];
  #isHeld: boolean;
  #grant: Grant = { pages: 0, notBeforeNs: 0, wakeOnFault: true };
  #steppedNs: number;
  #steps = 0;
  #heldNs = 0;
  /** Until when the newest grant lets nothing be swept, if anything is left to sweep. */
  #heldUntilNs = 0;
  #pagesAreLeft = true;
  #reportedMind = '';

  constructor(options: PacerOptions) {
    this.#options = options;
    this.#limiter = options.limiter;
    this.#isHeld = options.isHeld;
    this.#steppedNs = options.clock.nowNs();
    this.#began = { by: 'initial', atNs: this.#steppedNs };
    this.#state = ask(this.#limiter, () => this.#limiter.initial(this.#steppedNs));
  }

  /** What the sweep may do: the limiter's grant, or nothing while the sweep is held. */
  get grant(): Grant {
    return this.#grant;
  }

  /** When the limiter was asked last. */
  get steppedNs(): number {
    return this.#steppedNs;
  }

  /** As of the last step: whether there was anything to be granted. */
  get pagesAreLeft(): boolean {
    return this.#pagesAreLeft;
  }

  get numbers(): LimiterNumbers {
    return {
      name: this.#limiter.name,
      steps: this.#steps,
      heldMs: this.#heldNs / NS_PER_MS,
      reason: this.#grant.reason ?? '',
      isHeld: this.#isHeld,
    };
  }

  step(taken: Taken): void {
    this.#decide(this.#options.observer.observe(taken));
  }

  /** Takes another limiter and asks it at once; what the old one had granted is void. If the new one fails, the old one is asked. */
  useLimiter(limiter: Limiter): void {
    const observation = this.#options.observer.observe();
    const previous = { limiter: this.#limiter, state: this.#state, began: this.#began };
    try {
      const by = limiter.name === previous.limiter.name && limiter.adopt !== undefined ? 'adopt' : 'initial';
      const { nowNs } = observation;
      this.#limiter = limiter;
      this.#state = ask(limiter, () =>
        by === 'adopt' ? limiter.adopt!(previous.state, nowNs) : limiter.initial(nowNs),
      );
      this.#began = { by, atNs: nowNs };
      this.#reportedMind = '';
      this.#decide(observation);
    } catch (error) {
      this.#limiter = previous.limiter;
      this.#state = previous.state;
      this.#began = previous.began;
      this.#decide(observation);
      throw error;
    }
  }

  /** Stops the sweep whatever the limiter grants, or lets it go on; faults are served all the same. The limiter goes on being asked. */
  hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return;
    this.#isHeld = isHeld;
    this.#decide(this.#options.observer.observe());
  }

  #decide(observation: Observation): void {
    this.#pagesAreLeft = observation.pagesLeft > 0;
    const limiter = this.#limiter;
    const step = ask(limiter, () => limiter.step(this.#state, observation));
    const flaw = grantFlaw(step.grant);
    if (flaw !== undefined) {
      const message = `the limiter ${limiter.name} returned a bad grant: ${flaw}`;
      throw new SnapshotError('limiter-failed', message, { operands: { limiter: limiter.name } });
    }
    this.#countHeld(observation.nowNs);
    this.#state = step.state;
    this.#steps += 1;
    this.#options.onStep?.({
      limiter: limiter.name,
      observation,
      grant: step.grant,
      isHeld: this.#isHeld,
      ...(this.#began === undefined ? {} : { began: this.#began }),
    });
    this.#began = undefined;
    this.#allow(this.#isHeld ? nothing(step.grant, observation) : step.grant, observation);
  }

  #allow(grant: Grant, observation: Observation): void {
    this.#grant = grant;
    this.#options.capture.grant(Math.min(grant.pages, this.#options.grantMaxPages), grant.notBeforeNs);
    this.#heldUntilNs = heldUntilNs(grant, observation);
    const mind = `${this.#limiter.name} ${grant.reason ?? ''} ${this.#heldUntilNs > observation.nowNs}`;
    if (mind === this.#reportedMind) return;
    this.#reportedMind = mind;
    this.#options.onChange(this.#limiter.name, grant);
  }

  #countHeld(nowNs: number): void {
    this.#heldNs += Math.max(0, Math.min(nowNs, this.#heldUntilNs) - this.#steppedNs);
    this.#steppedNs = nowNs;
  }
}

function ask<T>({ name }: Limiter, question: () => T): T {
  return attemptNow('limiter-failed', `limiter ${name}`, question);
}

/** Long enough not to be asked for nothing; the driver asks in between anyway. */
const HOLD_NS = 1_000_000_000;

function nothing({ wakeOnFault }: Grant, { nowNs }: Observation): Grant {
  return { pages: 0, notBeforeNs: nowNs + HOLD_NS, wakeOnFault, reason: 'paused' };
}

function heldUntilNs({ pages, notBeforeNs }: Grant, { pagesLeft, nowNs }: Observation): number {
  if (pagesLeft === 0) return nowNs;
  return pages === 0 ? Number.POSITIVE_INFINITY : notBeforeNs;
}

/** What keeps a grant from being acted on. More pages than are left are no flaw: the sweep ends by itself. */
function grantFlaw(grant: Grant): string | undefined {
  if (!Number.isSafeInteger(grant.pages) || grant.pages < 0)
    return `pages is ${grant.pages}, not a whole number`;
  if (!Number.isFinite(grant.notBeforeNs)) return `notBeforeNs is ${grant.notBeforeNs}, not a finite time`;
  return undefined;
}
