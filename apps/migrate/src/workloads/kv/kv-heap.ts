import { WorkloadError } from '../error.ts';
import { classWords, FREE_SLOT, header, slot, UNIT_BYTES, UNIT_WORDS } from './kv-layout.ts';

/**
 * Slots of the store's heap: one free list for each size class, and never-used memory behind them.
 *
 * Freed slots keep their class, so memory is never merged; a load with a steady mix of sizes needs no more than its peak.
 * A memory that contradicts itself throws WORKLOAD_MEMORY_CORRUPT before anything outside the heap is touched.
 */
export class KvHeap {
  readonly #words: Uint32Array;

  constructor(words: Uint32Array) {
    this.#words = words;
  }

  /** The word at which a new slot of `classIndex` starts. Throws WORKLOAD_FULL, with nothing changed. */
  allocate(classIndex: number): number {
    const head = header.freeLists + classIndex;
    const free = this.#words[head]!;
    if (free !== 0) {
      const at = this.#within(free, classIndex);
      if (this.#words[at + slot.classAndKey] !== FREE_SLOT)
        throw corrupt('a slot in use is listed as free', at);
      this.#words[head] = this.#words[at]!;
      return at;
    }
    const start = this.#words[header.heapUsed]!;
    const end = start + classWords[classIndex]! / UNIT_WORDS;
    if (end > this.#words[header.sizeUnits]!) throw new WorkloadError('WORKLOAD_FULL', 'the store is full');
    this.#words[header.heapUsed] = end;
    return start * UNIT_WORDS;
  }

  free(at: number, classIndex: number): void {
    const head = header.freeLists + classIndex;
    this.#words[at + slot.classAndKey] = FREE_SLOT;
    this.#words[at] = this.#words[head]!;
    this.#words[head] = at / UNIT_WORDS;
  }

  /** The first word of the slot that `reference` names, when a slot of `classIndex` fits there. */
  #within(reference: number, classIndex: number): number {
    const at = reference * UNIT_WORDS;
    const end = reference + classWords[classIndex]! / UNIT_WORDS;
    if (reference < this.#words[header.heapStart]! || end > this.#words[header.heapUsed]!) {
      throw corrupt(`a reference to unit ${reference} leads out of the heap`, at);
    }
    return at;
  }

  /** The first word of a slot in use, once its class and lengths have been found possible. */
  inUse(reference: number): number {
    const at = this.#within(reference, 0);
    const classAndKey = this.#words[at + slot.classAndKey]!;
    const classIndex = classAndKey >>> 16;
    if (classIndex >= classWords.length) throw corrupt(`a slot is of class ${classIndex}`, at);
    this.#within(reference, classIndex);
    return at;
  }
}

/** `word` is where; the error gives the byte. */
export function corrupt(message: string, word: number): WorkloadError {
  return new WorkloadError('WORKLOAD_MEMORY_CORRUPT', message, { offset: word * (UNIT_BYTES / UNIT_WORDS) });
}
