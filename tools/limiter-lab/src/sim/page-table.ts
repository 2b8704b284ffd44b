/** A page: not captured; on its way to the sink with its writers waiting (inline); captured but still protected; free for all. */
export const ARMED = 0;
export const IN_FLIGHT = 1;
export const PROTECTED = 2;
export const RELEASED = 3;

/** The pages of the guest, and the cursor of the sweep. Captures of the same page twice are a bug here, and thrown. */
export class PageTable {
  readonly count: number;
  readonly states: Uint8Array;
  capturedPages = 0;
  cursor = 0;

  constructor(count: number) {
    this.count = count;
    this.states = new Uint8Array(count);
  }

  /** `state`: where the page goes from `ARMED`. */
  capture(page: number, state: number): void {
    if (this.states[page] !== ARMED) throw new Error(`page ${page} is captured twice`);
    this.states[page] = state;
    this.capturedPages += 1;
  }

  /** Moves the cursor to the next armed page; false when there is none. */
  seek(): boolean {
    const { states, count } = this;
    let cursor = this.cursor;
    while (cursor < count && states[cursor] !== ARMED) cursor += 1;
    this.cursor = cursor;
    return cursor < count;
  }

  /** Un-protects what is captured in [first, end). */
  release(first: number, end: number): void {
    const { states } = this;
    for (let page = first; page < end; page++) if (states[page] === PROTECTED) states[page] = RELEASED;
  }
}
