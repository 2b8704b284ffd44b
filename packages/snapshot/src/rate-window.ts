const SLOTS = 16;

/** How many bytes came in the last `windowNs`, in slots of a sixteenth of that. */
export class RateWindow {
  readonly #slotNs: number;
  readonly #bytes = new Float64Array(SLOTS);
  readonly #startNs: number;
  #slot: number;

  constructor(startNs: number, windowNs: number) {
    this.#startNs = startNs;
    this.#slotNs = windowNs / SLOTS;
    this.#slot = Math.floor(startNs / this.#slotNs);
  }

  add(nowNs: number, bytes: number): void {
    this.#moveTo(nowNs);
    this.#bytes[this.#slot % SLOTS]! += bytes;
  }

  bytesPerSecond(nowNs: number): number {
    this.#moveTo(nowNs);
    const total = this.#bytes.reduce((sum, bytes) => sum + bytes, 0);
    // The oldest slot has been emptied for the current one, so the window reaches back to the start of the one after it.
    const windowStartNs = (this.#slot - SLOTS + 1) * this.#slotNs;
    const elapsedNs = nowNs - Math.max(windowStartNs, this.#startNs);
    return elapsedNs > 0 ? (total / elapsedNs) * 1e9 : 0;
  }

  #moveTo(nowNs: number): void {
    const slot = Math.floor(nowNs / this.#slotNs);
    if (slot - this.#slot >= SLOTS) this.#bytes.fill(0);
    else for (let passed = this.#slot + 1; passed <= slot; passed++) this.#bytes[passed % SLOTS] = 0;
    this.#slot = Math.max(this.#slot, slot);
  }
}
