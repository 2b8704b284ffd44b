/** What was used last, as long as its weights fit into a bound: a cache that cannot grow. */
export class Recent<T> {
  readonly #maxWeight: number;
  readonly #items = new Map<number, { readonly value: T; readonly weight: number }>();
  #weight = 0;

  constructor(maxWeight: number) {
    this.#maxWeight = maxWeight;
  }

  get(key: number): T | undefined {
    const item = this.#items.get(key);
    if (item === undefined) return undefined;
    this.#items.delete(key);
    this.#items.set(key, item);
    return item.value;
  }

  /** Something heavier than the bound is not kept. */
  set(key: number, value: T, weight: number): void {
    this.#weight += weight - (this.#items.get(key)?.weight ?? 0);
    this.#items.delete(key);
    this.#items.set(key, { value, weight });
    for (const [oldest, item] of this.#items) {
      if (this.#weight <= this.#maxWeight) return;
      this.#items.delete(oldest);
      this.#weight -= item.weight;
    }
  }

  clear(): void {
    this.#items.clear();
    this.#weight = 0;
  }
}
