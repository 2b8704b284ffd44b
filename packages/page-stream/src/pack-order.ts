/**
 * The choice for a slab depends on how the slabs went that are this far before it. Not on whichever are done: then the same input would give
 * other bytes each time. More slabs than this under way would wait for each other.
 */
export const SLABS_UNDER_WAY_MAX = 32;

/** Lets choices be made in the order of the slabs, each knowing the results of all but the SLABS_UNDER_WAY_MAX before it, in order. */
export class PackOrder<Result> {
  readonly #results: Promise<Result | undefined>[] = [];
  readonly #learn: (result: Result) => void;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(learn: (result: Result) => void) {
    this.#learn = learn;
  }

  /** Calls `begin` when its turn has come. What it rejects with teaches nothing. */
  take(begin: () => Promise<Result>): Promise<Result> {
    const begun = this.#turn.then(async () => {
      if (this.#results.length === SLABS_UNDER_WAY_MAX) {
        const result = await this.#results.shift();
        if (result !== undefined) this.#learn(result);
      }
      const result = begin();
      this.#results.push(result.catch(ignore));
      // Not the result itself: the next turn comes when this one has begun.
      return { result };
    });
    this.#turn = begun.catch(ignore);
    return begun.then(({ result }) => result);
  }
}

function ignore(): undefined {
  return undefined;
}
