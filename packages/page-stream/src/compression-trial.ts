/** This many chunks in a row without a benefit, and compressing is given up for a while. */
const PATIENCE = 8;

/** How many chunks the first pause lasts; each further one twice as long as the one before, up to the last. */
const FIRST_PAUSE = 8;
const LAST_PAUSE = 256;

/**
 * Whether the next chunk is worth compressing, from how those before it went: data that does not shrink is met in stretches.
 *
 * Results may come late, because several chunks are under way, but in the order of the tries. So after a pause one chunk is tried, and no
 * other before its result is there.
 */
export class CompressionTrial {
  #failures = 0;
  #isPaused = false;
  #pause = FIRST_PAUSE;
  #left = 0;
  #tried = 0;
  #seen = 0;
  /** The number of the try that ends the pause or doubles it. */
  #probe: number | undefined;

  /** Asked once for each chunk. */
  tryNext(): boolean {
    if (this.#left > 0) {
      this.#left--;
      return false;
    }
    if (this.#isPaused) {
      if (this.#probe !== undefined) return false;
      this.#probe = this.#tried;
    }
    this.#tried++;
    return true;
  }

  /** A chunk that was tried shrank enough, or did not. */
  saw(shrank: boolean): void {
    const number = this.#seen++;
    if (shrank) {
      this.#failures = 0;
      this.#isPaused = false;
      this.#pause = FIRST_PAUSE;
      this.#left = 0;
      this.#probe = undefined;
      return;
    }
    // Results of chunks that were under way when the pause began say nothing new.
    if (this.#isPaused ? number !== this.#probe : ++this.#failures < PATIENCE) return;
    this.#isPaused = true;
    this.#probe = undefined;
    this.#left = this.#pause;
    this.#pause = Math.min(this.#pause * 2, LAST_PAUSE);
  }
}
