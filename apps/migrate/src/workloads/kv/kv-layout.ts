import { MAX_WASM_BYTES } from '../guest-memory.ts';

/**
 * Where things are in a store's memory. Little-endian 32-bit words; references count units of 8 bytes, so that 4 GiB fit.
 *
 * ```
 * byte 0      header, one page
 * byte 4096   buckets: { hash, reference of the slot or 0 }, 8 bytes each, a power of two of them
 * then        heap of slots: { checksum, class and key length, value length, hash of the key, key, value }
 * ```
 * Key and value are padded with zeros to whole words. The checksum is XXH32 over the rest of the used slot. A free slot has
 * the reference of the next free slot of its class where the checksum would be, and FREE_SLOT after it.
 */
export const UNIT_BYTES = 8;
export const UNIT_WORDS = 2;
export const HEADER_BYTES = 4096;

/** `SFKV`. */
export const MAGIC = 0x564b_4653;
export const VERSION = 1;

/** Words of the header. */
export const header = {
  magic: 0,
  version: 1,
  sizeUnits: 2,
  bucketCount: 3,
  heapStart: 4,
  /** The first unit that was never part of a slot. */
  heapUsed: 5,
  entryCount: 6,
  /** A double in words 8 and 9. */
  sequence: 8,
  /** Heads of the free lists, one for each class. */
  freeLists: 16,
} as const;

export const FREE_SLOT = 0xffff_ffff;
export const SLOT_HEADER_WORDS = 4;
export const slot = { checksum: 0, classAndKey: 1, valueBytes: 2, keyHash: 3 } as const;

/** Keys are names, not documents. */
export const MAX_KEY_BYTES = 256;
/** A slot is found and copied in one go; 32 KiB stays within a core's first cache. */
export const MAX_VALUE_BYTES = 32 * 1024;
/** Room for the header, one page of buckets, and a slot of the largest class. */
export const MIN_STORE_BYTES = 64 * 1024;
export const MAX_STORE_BYTES = MAX_WASM_BYTES;
/** Linear probing slows down near full; the rest of the buckets stays empty. */
export const MAX_LOAD = 0.8;

/** Slot sizes in words: 64 bytes, then steps of a half and a third up to the largest pair of key and value. */
export const classWords: readonly number[] = makeClasses();

function makeClasses(): number[] {
  const largest = SLOT_HEADER_WORDS + (MAX_KEY_BYTES + MAX_VALUE_BYTES) / 4;
  const sizes: number[] = [];
  for (let words = 16; sizes.length === 0 || sizes[sizes.length - 1]! < largest; words *= 2) {
    sizes.push(words, words * 1.5);
  }
  return sizes;
}

/** The smallest class that holds `words`; the caller has bounded them. */
export function classFor(words: number): number {
  let index = 0;
  while (classWords[index]! < words) index += 1;
  return index;
}
