import type { DirtyRun, LazyMemory, MissingPages } from '../guest.ts';
import { pageOf, type SequenceMemory } from './sequence-memory.ts';

/** Memory whose pages come when somebody waits for them; touches are promises. */
export class SimulatedLazyMemory implements LazyMemory {
  readonly #memory: SequenceMemory;
  readonly #missing = new Set<string>();
  readonly #waiters = new Map<string, (() => void)[]>();
  readonly #requests: MissingPages[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;
  /** Touches of pages that were missing. */
  faults = 0;

  constructor(memory: SequenceMemory, missing: readonly DirtyRun[]) {
    this.#memory = memory;
    for (const { region, firstPage, pageCount } of missing) {
      for (let page = firstPage; page < firstPage + pageCount; page++) {
        this.#missing.add(keyOf(region, page));
        // Whoever reads it all the same is found out.
        pageOf(memory, region, page).fill(0xdd);
      }
    }
  }

  isMissing(region: number, page: number): boolean {
    return this.#missing.has(keyOf(region, page));
  }

  /** Undefined when the page is there; otherwise resolves when it is. */
  touch(region: number, page: number): Promise<void> | undefined {
    const key = keyOf(region, page);
    if (!this.#missing.has(key)) return undefined;
    this.faults++;
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(key);
      if (waiters !== undefined) {
        waiters.push(resolve);
        return;
      }
      this.#waiters.set(key, [resolve]);
      this.#requests.push({ region, firstPage: page, pageCount: 1 });
      this.#tell();
    });
  }

  takeRequests(max: number): readonly MissingPages[] {
    return this.#requests.splice(0, max);
  }

  async wait(): Promise<void> {
    if (this.#requests.length > 0 || this.#isClosed) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  install(region: number, firstPage: number, bytes: Uint8Array): void {
    const { pageSize } = this.#memory.regions[region]!;
    for (let at = 0, page = firstPage; at < bytes.length; at += pageSize, page++) {
      this.#put(region, page, (into) => into.set(bytes.subarray(at, at + pageSize)));
    }
  }

  installZero(region: number, firstPage: number, pageCount: number): void {
    for (let page = firstPage; page < firstPage + pageCount; page++) {
      this.#put(region, page, (into) => into.fill(0));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#tell();
    if (this.#missing.size > 0) throw new Error(`${this.#missing.size} pages are missing`);
  }

  #put(region: number, page: number, write: (into: Uint8Array) => void): void {
    const key = keyOf(region, page);
    if (!this.#missing.delete(key)) return;
    write(pageOf(this.#memory, region, page));
    for (const wake of this.#waiters.get(key) ?? []) wake();
    this.#waiters.delete(key);
  }

  #tell(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function keyOf(region: number, page: number): string {
  return `${region}/${page}`;
}
