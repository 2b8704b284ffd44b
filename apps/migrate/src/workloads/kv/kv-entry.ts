import { corrupt } from './kv-heap.ts';
import type { KvBytes } from './kv-bytes.ts';
import { classWords, MAX_KEY_BYTES, MAX_VALUE_BYTES, SLOT_HEADER_WORDS, slot } from './kv-layout.ts';
import { xxh32 } from './xxh32.ts';

/** How many words of a slot an entry needs. */
export function entryWords(key: KvBytes, value: KvBytes): number {
  return SLOT_HEADER_WORDS + key.wordLength + value.wordLength;
}

/** Fills the slot at word `at`, which is of a class that holds the entry. */
export function writeEntry(
  words: Uint32Array,
  at: number,
  classIndex: number,
  hash: number,
  key: KvBytes,
  value: KvBytes,
): void {
  words[at + slot.classAndKey] = (classIndex << 16) | key.length;
  words[at + slot.valueBytes] = value.length;
  words[at + slot.keyHash] = hash;
  let to = at + SLOT_HEADER_WORDS;
  for (let word = 0; word < key.wordLength; word++) words[to++] = key.words[word]!;
  for (let word = 0; word < value.wordLength; word++) words[to++] = value.words[word]!;
  words[at + slot.checksum] = xxh32(words, at + 1, (to - at - 1) * 4);
}

/** Copies the entry out of a slot in use. Throws WORKLOAD_MEMORY_CORRUPT for impossible lengths and a wrong checksum. */
export function readEntry(words: Uint32Array, at: number, key: KvBytes | undefined, value: KvBytes): void {
  const classAndKey = words[at + slot.classAndKey]!;
  const keyBytes = classAndKey & 0xffff;
  const valueBytes = words[at + slot.valueBytes]!;
  if (keyBytes === 0 || keyBytes > MAX_KEY_BYTES || valueBytes > MAX_VALUE_BYTES) {
    throw corrupt(`a key of ${keyBytes} bytes with a value of ${valueBytes}`, at);
  }
  const keyWords = (keyBytes + 3) >>> 2;
  const usedWords = SLOT_HEADER_WORDS + keyWords + ((valueBytes + 3) >>> 2);
  if (usedWords > classWords[classAndKey >>> 16]!) throw corrupt('an entry is longer than its slot', at);
  if (words[at] !== xxh32(words, at + 1, (usedWords - 1) * 4))
    throw corrupt('an entry fails its checksum', at);
  const from = at + SLOT_HEADER_WORDS;
  if (key) copyOut(words, from, keyBytes, key);
  copyOut(words, from + keyWords, valueBytes, value);
}

export function entryHasKey(words: Uint32Array, at: number, key: KvBytes): boolean {
  if ((words[at + slot.classAndKey]! & 0xffff) !== key.length) return false;
  const from = at + SLOT_HEADER_WORDS;
  for (let word = 0; word < key.wordLength; word++) {
    if (words[from + word] !== key.words[word]) return false;
  }
  return true;
}

function copyOut(words: Uint32Array, from: number, sizeBytes: number, into: KvBytes): void {
  for (let word = 0; word < (sizeBytes + 3) >>> 2; word++) into.words[word] = words[from + word]!;
  into.length = sizeBytes;
}
