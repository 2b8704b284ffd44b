import { closeSync } from 'node:fs';
import type { LazyMemory } from '../guest.ts';

/**
 * A lane of faults on its way to the memory that asks on it: the connection may come before the memory is there, after it, or never.
 * Ownership: of what came, until the memory has it.
 */
export class FaultConnection {
  #connection: number | undefined;
  #memory: Pick<LazyMemory, 'askOn'> | undefined;
  #isOver = false;

  /** One is enough; a second one is dropped. */
  came(connection: number): void {
    if (this.#isOver || this.#connection !== undefined) return closeSync(connection);
    this.#connection = connection;
    this.#join();
  }

  giveTo(memory: Pick<LazyMemory, 'askOn'>): void {
    this.#memory = memory;
    this.#join();
  }

  close(): void {
    this.#isOver = true;
    if (this.#connection !== undefined) closeSync(this.#connection);
    this.#connection = undefined;
  }

  #join(): void {
    if (this.#connection === undefined || this.#memory === undefined) return;
    this.#isOver = true;
    if (this.#memory.askOn === undefined) closeSync(this.#connection);
    else this.#memory.askOn(this.#connection);
    this.#connection = undefined;
  }
}
