/** This many chunks in a row without a benefit, and compressing is given up for a while. */
const PATIENCE = 8;

/** How many chunks the first pause lasts; each further one twice as long as the one before, up to the last. */
const FIRST_PAUSE = 8;
const LAST_PAUSE = 256;

/** Whether the next chunk is worth compressing, from how those before it went: data that does not shrink is met in stretches. */
export class CompressionTrial {
  #failures = 0;
  #pause = FIRST_PAUSE;
  #left = 0;

  /** Asked once for each chunk. */
  tryNext(): boolean {
    if (this.#left === 0) return true;
    this.#left--;
    return false;
  }

  /** A chunk that was tried shrank enough, or did not. Results may come late: several chunks are under way. */
  saw(shrank: boolean): void {
    if (shrank) {
      this.#failures = 0;
      this.#pause = FIRST_PAUSE;
      this.#left = 0;
      return;
    }
    // Results of chunks that were under way when the pause began say nothing new.
    if (this.#left > 0 || ++this.#failures < PATIENCE) return;
    this.#left = this.#pause;
    this.#pause = Math.min(this.#pause * 2, LAST_PAUSE);
    // After a pause one failure is enough.
    this.#failures = PATIENCE - 1;
  }
}
