import { asSnapshotError, attempt } from './error.ts';
import type { Guest } from './guest.ts';

/** The guest's pause, and the promise that it ends (I-4). */
export class Standstill {
  readonly #guest: Guest;
  #mayBePaused = false;

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** False when the guest is known to run. */
  get mayBePaused(): boolean {
    return this.#mayBePaused;
  }

  /**
   * Runs `work` while the guest stands still. Resumes on every path, also when pausing itself failed; the first failure is the one
   * thrown.
   */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    let result: T;
    try {
      this.#mayBePaused = true;
      await attempt('guest-failed', 'guest.pause', () => this.#guest.pause());
      result = await work();
    } catch (error) {
      const failure = asSnapshotError(error, 'guest-failed', 'guest.pause');
      await this.resume().catch((also: unknown) =>
        failure.failedCleanups.push({ step: 'guest.resume', error: also }),
      );
      throw failure;
    }
    await this.resume();
    return result;
  }

  async resume(): Promise<void> {
    await attempt('guest-failed', 'guest.resume', () => this.#guest.resume());
    this.#mayBePaused = false;
  }
}
