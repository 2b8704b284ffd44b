import type { Clock } from '@stillframe/snapshot';
import type { DowntimeMs } from '../event.ts';

type Moment = 'pause' | 'paused' | 'sent' | 'prepared' | 'started';

const NS_PER_MS = 1_000_000;
const US_PER_MS = 1000;

/** When the steps of a hand-over were, to say where the downtime went. */
export class DowntimeWatch {
  readonly #clock: Clock;
  readonly #at = new Map<Moment, number>();
  #resumeUs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  mark(moment: Moment): void {
    if (!this.#at.has(moment)) this.#at.set(moment, this.#clock.nowNs());
  }

  /** Paused now, and at rest for so long already; never for longer than since `pause` was marked. */
  paused(restingMs = Infinity): void {
    this.mark('paused');
    const asked = this.#at.get('pause');
    const paused = this.#at.get('paused')!;
    if (asked === undefined || Number.isNaN(restingMs)) return;
    this.#at.set('pause', Math.min(paused, Math.max(asked, paused - restingMs * NS_PER_MS)));
  }

  /** `tookUs`: what starting took, as the destination measured it. */
  started(tookUs: number): void {
    this.mark('started');
    this.#resumeUs = tookUs;
  }

  numbers(): DowntimeMs {
    const resumeMs = this.#resumeUs / US_PER_MS;
    return {
      totalMs: this.#between('pause', 'started'),
      pauseMs: this.#between('pause', 'paused'),
      finalRoundMs: this.#between('paused', 'sent'),
      drainMs: this.#between('sent', 'prepared'),
      // With the record, which the guest waits for as well.
      acknowledgementMs: Math.max(0, this.#between('prepared', 'started') - resumeMs),
      resumeMs,
    };
  }

  #between(from: Moment, to: Moment): number {
    const start = this.#at.get(from);
    const end = this.#at.get(to);
    return start === undefined || end === undefined ? 0 : (end - start) / NS_PER_MS;
  }
}
