/**
 * The choice for a slab depends on how the slabs went that are this far before it. Not on whichever are done: then the same input would give
 * other bytes each time. More slabs than this under way would wait for each other.
 */
export const SLABS_UNDER_WAY_MAX = 32;

/** One slab under way, or done. */
interface Begun<Result> {
  /** Settles when it is done; never rejects. */
  done: Promise<void>;
  isDone: boolean;
  /** Undefined when it failed: that teaches nothing. */
  result: Result | undefined;
}

/** Lets choices be made in the order of the slabs, each knowing the results of all but the SLABS_UNDER_WAY_MAX before it, in order. */
export class PackOrder<Result> {
  readonly #begun: Begun<Result>[] = [];
  readonly #learn: (result: Result) => void;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(learn: (result: Result) => void) {
    this.#learn = learn;
  }

  /** Calls `begin` when its turn has come, which is at once where nothing is to be waited for. What it rejects with teaches nothing. */
  take(begin: () => Promise<Result>): Promise<Result> {
    const oldest = this.#begun.length === SLABS_UNDER_WAY_MAX ? this.#begun[0] : undefined;
    if (this.#waiting === 0 && oldest?.isDone !== false) return this.#begin(begin);
    this.#waiting++;
    const begun = this.#turn.then(async () => {
      if (this.#begun.length === SLABS_UNDER_WAY_MAX) await this.#begun[0]!.done;
      this.#waiting--;
      // Not the result itself: the next turn comes when this one has begun.
      return { result: this.#begin(begin) };
    });
    this.#turn = begun.catch(ignore);
    return begun.then(({ result }) => result);
  }

  /** What is to be known of is done. */
  #begin(begin: () => Promise<Result>): Promise<Result> {
    if (this.#begun.length === SLABS_UNDER_WAY_MAX) {
      const { result } = this.#begun.shift()!;
      if (result !== undefined) this.#learn(result);
    }
    const result = begin();
    const begun: Begun<Result> = { done: Promise.resolve(), isDone: false, result: undefined };
    const end = (value?: Result) => {
      begun.isDone = true;
      begun.result = value;
    };
    begun.done = result.then(end, () => end());
    this.#begun.push(begun);
    return result;
  }
}

function ignore(): undefined {
  return undefined;
}
