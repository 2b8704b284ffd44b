import { FaultAnswerer, type MemoryRange, munmap } from '@stillframe/uffd';

export interface RamAnswererOptions {
  /** A stream socket; taken over. */
  readonly fd: number;
  readonly greeting: Uint8Array;
  /** Guest RAM as it is mapped here, region by region; taken over. */
  readonly memory: readonly MemoryRange[];
}

/** Answers who waits for a page of a machine, by a native thread; see `FaultAnswerer` of @stillframe/uffd. */
export class RamAnswerer {
  readonly #answerer: FaultAnswerer;
  readonly #memory: MemoryRange[];

  constructor({ fd, greeting, memory }: RamAnswererOptions) {
    this.#answerer = new FaultAnswerer({ fd, greeting, memory: memory.map((range) => ({ memory: range })) });
    this.#memory = [...memory];
  }

  get pages(): number {
    return this.#answerer.pages;
  }

  get bytes(): number {
    return this.#answerer.bytes;
  }

  serve(): void {
    this.#answerer.serve();
  }

  /** Joins the thread, and unmaps the memory. Idempotent. */
  close(): void {
    this.#answerer.close();
    for (const range of this.#memory.splice(0)) munmap(range);
  }
}
