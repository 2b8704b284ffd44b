const P1 = 0x9e37_79b1 | 0;
const P2 = 0x85eb_ca77 | 0;
const P3 = 0xc2b2_ae3d | 0;
const P4 = 0x27d4_eb2f | 0;
const P5 = 0x1656_67b1 | 0;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, P2)) | 0, 13), P1);
}

/**
 * XXH32 of `sizeBytes` bytes that start at word `from`, as an unsigned number. Little-endian machines only, like the rest of the app.
 *
 * Allocates nothing. Source: the xxHash specification, XXH32.
 */
export function xxh32(words: Uint32Array, from: number, sizeBytes: number, seed = 0): number {
  let at = from;
  const end = from + (sizeBytes >>> 2);
  let hash = (seed + P5) | 0;
  if (sizeBytes >= 16) {
    let a = (seed + P1 + P2) | 0;
    let b = (seed + P2) | 0;
    let c = seed | 0;
    let d = (seed - P1) | 0;
    for (; at + 4 <= end; at += 4) {
      a = round(a, words[at]!);
      b = round(b, words[at + 1]!);
      c = round(c, words[at + 2]!);
      d = round(d, words[at + 3]!);
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  }
  hash = (hash + sizeBytes) | 0;
  for (; at < end; at++) {
    hash = Math.imul(rotate((hash + Math.imul(words[at]!, P3)) | 0, 17), P4);
  }
  for (let rest = 0; rest < (sizeBytes & 3); rest++) {
    const byte = (words[end]! >>> (rest * 8)) & 0xff;
    hash = Math.imul(rotate((hash + Math.imul(byte, P5)) | 0, 11), P1);
  }
  return avalanche(hash);
}

/** The closing step of XXH32: spreads every bit of `hash` over the result. */
export function avalanche(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 15), P2);
  mixed = Math.imul(mixed ^ (mixed >>> 13), P3);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
