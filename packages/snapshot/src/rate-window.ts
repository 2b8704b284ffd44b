const SLOTS = 16;

/** How much came in the last `windowNs`, in slots of a sixteenth of that. */
export class RateWindow {
  readonly #slotNs: number;
  readonly #amounts = new Float64Array(SLOTS);
  readonly #startNs: number;
  #slot: number;

  constructor(startNs: number, windowNs: number) {
    this.#startNs = startNs;
    this.#slotNs = windowNs / SLOTS;
    this.#slot = Math.floor(startNs / this.#slotNs);
  }

  /** `amount` came evenly since `sinceNs`; what of that lies before the window is forgotten at once. Without `sinceNs` it came just now. */
  add(nowNs: number, amount: number, sinceNs: number = nowNs): void {
    this.#moveTo(nowNs);
    const spanNs = nowNs - sinceNs;
    if (spanNs <= 0) {
      this.#amounts[this.#slot % SLOTS]! += amount;
      return;
    }
    const firstSlot = Math.max(this.#slot - SLOTS + 1, Math.floor(sinceNs / this.#slotNs));
    for (let slot = firstSlot; slot <= this.#slot; slot++) {
      const fromNs = Math.max(sinceNs, slot * this.#slotNs);
      const toNs = Math.min(nowNs, (slot + 1) * this.#slotNs);
      this.#amounts[slot % SLOTS]! += (amount * Math.max(0, toNs - fromNs)) / spanNs;
    }
  }

  perSecond(nowNs: number): number {
    this.#moveTo(nowNs);
    const total = this.#amounts.reduce((sum, amount) => sum + amount, 0);
    // The oldest slot has been emptied for the current one, so the window reaches back to the start of the one after it.
    const windowStartNs = (this.#slot - SLOTS + 1) * this.#slotNs;
    const elapsedNs = nowNs - Math.max(windowStartNs, this.#startNs);
    return elapsedNs > 0 ? (total / elapsedNs) * 1e9 : 0;
  }

  #moveTo(nowNs: number): void {
    const slot = Math.floor(nowNs / this.#slotNs);
    if (slot - this.#slot >= SLOTS) this.#amounts.fill(0);
    else for (let passed = this.#slot + 1; passed <= slot; passed++) this.#amounts[passed % SLOTS] = 0;
    this.#slot = Math.max(this.#slot, slot);
  }
}
