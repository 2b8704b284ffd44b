import { WorkloadError } from '../error.ts';
import type { KvBytes } from './kv-bytes.ts';
import { entryHasKey, entryWords, readEntry, writeEntry } from './kv-entry.ts';
import { corrupt, KvHeap } from './kv-heap.ts';
import {
  classFor,
  HEADER_BYTES,
  header,
  MAGIC,
  MAX_KEY_BYTES,
  MAX_LOAD,
  MAX_STORE_BYTES,
  MAX_VALUE_BYTES,
  MIN_STORE_BYTES,
  slot,
  UNIT_BYTES,
  UNIT_WORDS,
  VERSION,
} from './kv-layout.ts';
import { xxh32 } from './xxh32.ts';

const BUCKETS = HEADER_BYTES / 4;

/**
 * A key-value store that lives wholly in one memory, header and free lists included: a copy of the memory is a copy of the store.
 *
 * Open addressing with linear probing over slots of fixed size classes; a delete closes the gap, so there are no tombstones.
 * Operations allocate no JavaScript objects and finish before they return; a put that throws WORKLOAD_FULL has changed nothing.
 *
 * Concurrency: one user at a time. Memory from elsewhere may hold anything: whatever it says, reads and writes stay inside it,
 * every loop ends, and a contradiction throws WORKLOAD_MEMORY_CORRUPT with its byte offset.
 */
export class KvStore {
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #heap: KvHeap;
  readonly #mask: number;

  /** Makes an empty store. `memory` is zero, starts at a multiple of 8 and stays the caller's; `bucketCount` is a power of two. */
  static format(memory: Uint8Array, bucketCount: number): KvStore {
    const heapStart = HEADER_BYTES + bucketCount * UNIT_BYTES;
    const sizeFits = memory.byteLength >= MIN_STORE_BYTES && memory.byteLength <= MAX_STORE_BYTES;
    if (!sizeFits || !isPowerOfTwo(bucketCount) || heapStart >= memory.byteLength) {
      throw new RangeError(`no store of ${bucketCount} buckets in ${memory.byteLength} bytes`);
    }
    const words = wordsOf(memory);
    words[header.magic] = MAGIC;
    words[header.version] = VERSION;
    words[header.sizeUnits] = memory.byteLength / UNIT_BYTES;
    words[header.bucketCount] = bucketCount;
    words[header.heapStart] = heapStart / UNIT_BYTES;
    words[header.heapUsed] = heapStart / UNIT_BYTES;
    return new KvStore(memory);
  }

  /** Takes up the store that is in `memory`, e.g. an image. Throws WORKLOAD_MEMORY_CORRUPT when there is none. */
  static attach(memory: Uint8Array): KvStore {
    if (memory.byteLength < MIN_STORE_BYTES) throw corrupt('too small for a store', 0);
    const words = wordsOf(memory);
    const bucketCount = words[header.bucketCount]!;
    const heapStart = words[header.heapStart]!;
    const heapUsed = words[header.heapUsed]!;
    if (words[header.magic] !== MAGIC) throw corrupt('no store starts here', header.magic);
    if (words[header.version] !== VERSION) throw corrupt('another version of the store', header.version);
    if (words[header.sizeUnits] !== memory.byteLength / UNIT_BYTES)
      throw corrupt('wrong size', header.sizeUnits);
    if (!isPowerOfTwo(bucketCount) || heapStart !== HEADER_BYTES / UNIT_BYTES + bucketCount) {
      throw corrupt(`${bucketCount} buckets do not end at unit ${heapStart}`, header.bucketCount);
    }
    if (heapUsed < heapStart || heapUsed > memory.byteLength / UNIT_BYTES) {
      throw corrupt('the heap ends outside the memory', header.heapUsed);
    }
    return new KvStore(memory);
  }

  private constructor(memory: Uint8Array) {
    this.#words = wordsOf(memory);
    this.#doubles = new Float64Array(memory.buffer, memory.byteOffset, HEADER_BYTES / 8);
    this.#heap = new KvHeap(this.#words);
    this.#mask = this.bucketCount - 1;
  }

  get bucketCount(): number {
    return this.#words[header.bucketCount]!;
  }

  get entryCount(): number {
    return this.#words[header.entryCount]!;
  }

  /** A number that the user keeps in the store, such as that of the last operation it acknowledged. */
  get sequence(): number {
    return this.#doubles[header.sequence / 2]!;
  }

  set sequence(sequence: number) {
    this.#doubles[header.sequence / 2] = sequence;
  }

  /** Sets `key` to a copy of `value`. */
  put(key: KvBytes, value: KvBytes): void {
    if (value.length > MAX_VALUE_BYTES) throw new RangeError(`a value of ${value.length} bytes is too long`);
    const hash = this.#hashOf(key);
    const needed = classFor(entryWords(key, value));
    const bucket = this.#locate(key, hash);
    const reference = this.#words[bucket + 1]!;
    if (reference === 0) {
      if (this.entryCount >= this.bucketCount * MAX_LOAD) {
        throw new WorkloadError('WORKLOAD_FULL', 'the buckets of the store are full');
      }
      this.#place(bucket, needed, hash, key, value);
      this.#words[header.entryCount]! += 1;
      return;
    }
    const at = this.#heap.inUse(reference);
    const present = this.#words[at + slot.classAndKey]! >>> 16;
    if (present === needed) {
      writeEntry(this.#words, at, needed, hash, key, value);
    } else {
      this.#place(bucket, needed, hash, key, value);
      this.#heap.free(at, present);
    }
  }

  /** Copies the value of `key` into `into`, which holds MAX_VALUE_BYTES. False when there is none. */
  get(key: KvBytes, into: KvBytes): boolean {
    const reference = this.#words[this.#locate(key, this.#hashOf(key)) + 1]!;
    if (reference === 0) return false;
    readEntry(this.#words, this.#heap.inUse(reference), undefined, into);
    return true;
  }

  /** False when there was no such key. */
  delete(key: KvBytes): boolean {
    const bucket = this.#locate(key, this.#hashOf(key));
    const reference = this.#words[bucket + 1]!;
    if (reference === 0) return false;
    const at = this.#heap.inUse(reference);
    this.#heap.free(at, this.#words[at + slot.classAndKey]! >>> 16);
    this.#closeGap((bucket - BUCKETS) / 2);
    this.#words[header.entryCount]! -= 1;
    return true;
  }

  /**
   * Reads what is in bucket `index` into `key` and `value`; false when it is empty.
   *
   * Stricter than `get`: also throws WORKLOAD_MEMORY_CORRUPT when looking the key up would not lead back to this bucket.
   */
  readBucket(index: number, key: KvBytes, value: KvBytes): boolean {
    const bucket = BUCKETS + index * 2;
    const reference = this.#words[bucket + 1]!;
    if (reference === 0) return false;
    const at = this.#heap.inUse(reference);
    readEntry(this.#words, at, key, value);
    const hash = this.#hashOf(key);
    if (this.#words[bucket] !== hash || this.#words[at + slot.keyHash] !== hash) {
      throw corrupt('an entry has the hash of another key', bucket);
    }
    if (this.#locate(key, hash) !== bucket) throw corrupt('an entry cannot be reached from its key', bucket);
    return true;
  }

  #hashOf(key: KvBytes): number {
    if (key.length === 0 || key.length > MAX_KEY_BYTES) {
      throw new RangeError(`a key has 1 to ${MAX_KEY_BYTES} bytes, not ${key.length}`);
    }
    return xxh32(key.words, 0, key.length);
  }

  /** The first word of the bucket that holds `key`, or of the empty one where it belongs. */
  #locate(key: KvBytes, hash: number): number {
    for (let step = 0; step <= this.#mask; step++) {
      const bucket = BUCKETS + ((hash + step) & this.#mask) * 2;
      const reference = this.#words[bucket + 1]!;
      if (reference === 0) return bucket;
      if (this.#words[bucket] === hash && entryHasKey(this.#words, this.#heap.inUse(reference), key))
        return bucket;
    }
    throw corrupt('no bucket is empty', BUCKETS);
  }

  /** Allocates before it changes anything. */
  #place(bucket: number, classIndex: number, hash: number, key: KvBytes, value: KvBytes): void {
    const at = this.#heap.allocate(classIndex);
    writeEntry(this.#words, at, classIndex, hash, key, value);
    this.#words[bucket] = hash;
    this.#words[bucket + 1] = at / UNIT_WORDS;
  }

  /** Empties bucket `index`, and moves up those behind it that it kept from their place. */
  #closeGap(index: number): void {
    let gap = index;
    for (let step = 1; step <= this.#mask; step++) {
      const next = (index + step) & this.#mask;
      const bucket = BUCKETS + next * 2;
      if (this.#words[bucket + 1] === 0) break;
      const distance = (next - this.#words[bucket]!) & this.#mask;
      if (distance < ((next - gap) & this.#mask)) continue;
      this.#words[BUCKETS + gap * 2] = this.#words[bucket]!;
      this.#words[BUCKETS + gap * 2 + 1] = this.#words[bucket + 1]!;
      gap = next;
    }
    this.#words[BUCKETS + gap * 2] = 0;
    this.#words[BUCKETS + gap * 2 + 1] = 0;
  }
}

function wordsOf(memory: Uint8Array): Uint32Array {
  if (memory.byteOffset % UNIT_BYTES !== 0 || memory.byteLength % UNIT_BYTES !== 0) {
    throw new RangeError('a store needs memory aligned to 8 bytes');
  }
  return new Uint32Array(memory.buffer, memory.byteOffset, memory.byteLength / 4);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}
