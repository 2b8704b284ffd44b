/** Lets work that was started side by side end in the order in which it was started. After a failure nothing else ends well. */
export class Turns {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #failure: { readonly error: unknown } | undefined;

  /** Whether some work has not ended yet. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  /**
   * What `end` makes of the result of `work`, once all that was started before has ended. When that failed, or `work` does, `drop`
   * gets the result that nobody will use, and the promise rejects with the first failure.
   */
  take<T, R>(work: Promise<T>, end: (result: T) => R, drop: (result: T) => void): Promise<R> {
    this.#waiting++;
    const result = this.#inTurn(this.#last, work, end, drop);
    this.#last = result.then(ignore, ignore);
    return result;
  }

  async #inTurn<T, R>(
    before: Promise<void>,
    work: Promise<T>,
    end: (result: T) => R,
    drop: (result: T) => void,
  ): Promise<R> {
    const outcome = await work.then(fulfilled, rejected);
    await before;
    this.#waiting--;
    if (this.#failure) {
      if (outcome.isFulfilled) drop(outcome.value);
      throw this.#failure.error;
    }
    try {
      if (!outcome.isFulfilled) throw outcome.error;
      return end(outcome.value);
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

type Outcome<T> =
  | { readonly isFulfilled: true; readonly value: T }
  | { readonly isFulfilled: false; readonly error: unknown };

function fulfilled<T>(value: T): Outcome<T> {
  return { isFulfilled: true, value };
}

function rejected(error: unknown): { readonly isFulfilled: false; readonly error: unknown } {
  return { isFulfilled: false, error };
}

function ignore(): void {
  // Whoever took the turn hears of its end.
}
