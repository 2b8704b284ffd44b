import type { KvBytes } from './kv-bytes.ts';
import { avalanche } from './xxh32.ts';

export type KvOperation = 'put' | 'delete' | 'get';

/** Of 100 operations; the rest are gets. */
const PUTS = 55;
const DELETES = 10;
/** This many of 100 operations go to the first sixteenth of the keys. */
const HOT_OPERATIONS = 80;
const HOT_KEYS_SHIFT = 4;

/** Values have 16 bytes and up to 2^4 … 2^12 more, each power as likely as the next. */
const MIN_VALUE_BYTES = 16;
const MIN_VALUE_BITS = 4;
const VALUE_BITS_RANGE = 9;
export const MAX_LOAD_VALUE_BYTES = MIN_VALUE_BYTES + 2 ** (MIN_VALUE_BITS + VALUE_BITS_RANGE - 1);
/** What an entry takes of the heap: 16 bytes of slot, about 12 of key, 470 of value, and a seventh lost to size classes. */
export const MEAN_ENTRY_BYTES = 580;

/** `key:` and the index of the key in decimal. */
export const KEY_PREFIX = 'key:';
export const MAX_LOAD_KEY_BYTES = 16;
const ZERO = 0x30;

/**
 * The stream of operations of the kv workload: operation `n` (1, 2, 3 …) is a pure function of `n` and the number of keys.
 *
 * The first `filled` operations put one key after the other; then keys, kinds and sizes are drawn by hashing `n`. Nothing is
 * allocated for an operation: it is described by the fields, which hold until the next `choose`.
 */
export class KvLoad {
  readonly keyCount: number;
  readonly #filled: number;
  operation: KvOperation = 'put';
  keyIndex = 0;

  constructor(keyCount: number, filled: number) {
    this.keyCount = keyCount;
    this.#filled = filled;
  }

  choose(n: number): void {
    if (n <= this.#filled) {
      this.operation = 'put';
      this.keyIndex = n - 1;
      return;
    }
    const kind = hash(n, 1) % 100;
    this.operation = kind < PUTS ? 'put' : kind < PUTS + DELETES ? 'delete' : 'get';
    const hot = hash(n, 2) % 100 < HOT_OPERATIONS;
    const range = hot ? Math.max(1, this.keyCount >>> HOT_KEYS_SHIFT) : this.keyCount;
    this.keyIndex = hash(n, 3) % range;
  }

  /** Writes the name of key `index`, at most MAX_LOAD_KEY_BYTES. */
  writeKey(index: number, key: KvBytes): void {
    let digits = 1;
    for (let rest = index; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
    for (let at = 0; at < KEY_PREFIX.length; at++) key.bytes[at] = KEY_PREFIX.charCodeAt(at);
    let rest = index;
    for (let at = KEY_PREFIX.length + digits - 1; at >= KEY_PREFIX.length; at--) {
      key.bytes[at] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    key.length = KEY_PREFIX.length + digits;
  }

  /** Writes the value that operation `n` puts: `n` in its first two words, then noise that depends on `n`. */
  writeValue(n: number, value: KvBytes): void {
    const bits = MIN_VALUE_BITS + (hash(n, 4) % VALUE_BITS_RANGE);
    const length = MIN_VALUE_BYTES + (hash(n, 5) & (2 ** bits - 1));
    value.words[0] = n;
    value.words[1] = n / 2 ** 32;
    let noise = hash(n, 6) | 1;
    for (let word = 2; word < (length + 3) >>> 2; word++) {
      noise ^= noise << 13;
      noise ^= noise >>> 17;
      noise ^= noise << 5;
      value.words[word] = noise;
    }
    value.length = length;
  }

  /** Which operation made `value`, if it is one of this load's; meaningless otherwise. */
  static operationOf(value: KvBytes): number {
    return value.words[0]! + value.words[1]! * 2 ** 32;
  }
}

/** An unsigned 32-bit number that depends on every bit of `n` and on `salt`. */
function hash(n: number, salt: number): number {
  return avalanche(avalanche((n % 2 ** 32) ^ Math.imul(salt, 0x9e37_79b1)) + Math.floor(n / 2 ** 32));
}
