/** What happens next, in order of time; at the same time, in order of entry. */
export class Agenda {
  #nowNs = 0;
  #entered = 0;
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #actions: (() => void)[] = [];

  /** Nanoseconds since the cut. */
  get nowNs(): number {
    return this.#nowNs;
  }

  /** When the next action is due; Infinity when there is none. */
  get nextNs(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  /** A time that has passed means now. */
  at(timeNs: number, action: () => void): void {
    let index = this.#times.length;
    const time = Math.max(timeNs, this.#nowNs);
    const order = this.#entered++;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#times[parent]! <= time) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#times[index] = time;
    this.#orders[index] = order;
    this.#actions[index] = action;
  }

  /** Runs the next action; false when there is none. */
  step(): boolean {
    const action = this.#actions[0];
    if (action === undefined) return false;
    this.#nowNs = this.#times[0]!;
    this.#removeFirst();
    action();
    return true;
  }

  #removeFirst(): void {
    const time = this.#times.pop()!;
    const order = this.#orders.pop()!;
    const action = this.#actions.pop()!;
    const count = this.#times.length;
    if (count === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= count) break;
      if (child + 1 < count && this.#isBefore(child + 1, child)) child += 1;
      const childTime = this.#times[child]!;
      if (time < childTime || (time === childTime && order < this.#orders[child]!)) break;
      this.#move(child, index);
      index = child;
    }
    this.#times[index] = time;
    this.#orders[index] = order;
    this.#actions[index] = action;
  }

  #isBefore(a: number, b: number): boolean {
    const times = this.#times;
    return times[a]! < times[b]! || (times[a] === times[b] && this.#orders[a]! < this.#orders[b]!);
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!;
    this.#orders[to] = this.#orders[from]!;
    this.#actions[to] = this.#actions[from]!;
  }
}
