import type { Report } from '../report/report.ts';

/**
 * Tells whoever interrupts one side in the middle of post-copy why nothing seems to happen: the guest runs at the destination, and what has not
 * come is at the source. So neither side ends by itself before the last page has come; a second signal ends it at once.
 */
export class NeedsBothSides implements Disposable {
  readonly #signal: AbortSignal;
  readonly #report: Report;
  #needed = false;
  #told = false;
  readonly #onAbort = () => this.#tell();

  constructor(signal: AbortSignal, report: Report) {
    this.#signal = signal;
    this.#report = report;
    signal.addEventListener('abort', this.#onAbort);
  }

  /** Whether it is so from now on. */
  see(isNeeded: boolean): void {
    this.#needed = isNeeded;
    if (this.#signal.aborted) this.#tell();
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  #tell(): void {
    if (!this.#needed || this.#told) return;
    this.#told = true;
    this.#report.talk(
      'the guest needs both sides until its last page has come, so this goes on till then; interrupt again to end it, and the guest with it',
    );
    this.#report.event({ type: 'waiting', for: 'last-page' });
  }
}
