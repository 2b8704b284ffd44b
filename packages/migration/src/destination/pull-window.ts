/** What is asked for at a time. A page that somebody waits for may be behind one of these on the link: a quarter of a millisecond at 1 Gbit/s. */
export const PULL_BYTES = 32 * 1024;

/** Fewer would leave the link idle between an answer and the next question. */
const MIN_BYTES = 3 * PULL_BYTES;

/** More is more than any link holds in a round trip, and waits in queues. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Beyond what an answer takes on an idle link: longer means that it stood in a queue, and so would pages that somebody waits for. */
const QUEUE_MAX_NS = 200_000;

/** A queue is given up within so many round trips. */
const SHRINK = 4;

/**
 * How many bytes may be asked for and not have come. Pure.
 *
 * As delay-based congestion control does it: where even the quickest answer of a round trip takes longer than the quickest of all, all have
 * stood in a queue, which is then made shorter; one slow answer says nothing, since threads wait for processors as well. A window that is
 * bounded by loss would fill the queue of the link instead, in front of the pages that a guest waits for.
 */
export class PullWindow {
  #bytes = MIN_BYTES;
  #quickestNs = Infinity;
  #roundQuickestNs = Infinity;
  #roundLeftBytes = MIN_BYTES;
  #isOpening = true;

  get bytes(): number {
    return this.#bytes;
  }

  /** An answer of so many bytes came, `tookNs` after it was asked for. */
  came(sizeBytes: number, tookNs: number): void {
    this.#quickestNs = Math.min(this.#quickestNs, tookNs);
    this.#roundQuickestNs = Math.min(this.#roundQuickestNs, tookNs);
    this.#roundLeftBytes -= sizeBytes;
    if (this.#roundLeftBytes > 0) return;
    this.#endRound();
    this.#roundLeftBytes = this.#bytes;
    this.#roundQuickestNs = Infinity;
  }

  #endRound(): void {
    if (this.#roundQuickestNs - this.#quickestNs > QUEUE_MAX_NS) {
      this.#isOpening = false;
      this.#bytes = Math.max(MIN_BYTES, this.#bytes - Math.max(PULL_BYTES, this.#bytes / SHRINK));
    } else {
      this.#bytes = Math.min(MAX_BYTES, this.#bytes + (this.#isOpening ? this.#bytes : PULL_BYTES));
    }
  }
}
