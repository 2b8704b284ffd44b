/** `PageCodec.hashPages`, in JavaScript: four lanes of multiply and rotate, mixed at the end (the rounds of MurmurHash3, x86, 128 bits). */
export function hashPages(
  pages: Uint8Array,
  pageSize: number,
  seedLow: number,
  seedHigh: number,
  hashes: Uint32Array,
): void {
  const view = new DataView(pages.buffer, pages.byteOffset, pages.byteLength);
  for (let page = 0, start = 0; start < pages.byteLength; page++, start += pageSize) {
    let a = seedLow;
    let b = seedHigh;
    let c = ~seedLow;
    let d = ~seedHigh;
    for (let at = start; at < start + pageSize; at += 16) {
      a = round(a ^ lane(view.getInt32(at, true), 0x239b961b, 15, 0xab0e9789), 19, b, 0x561ccd1b);
      b = round(b ^ lane(view.getInt32(at + 4, true), 0xab0e9789, 16, 0x38b34ae5), 17, c, 0x0bcaa747);
      c = round(c ^ lane(view.getInt32(at + 8, true), 0x38b34ae5, 17, 0xa1e38b93), 15, d, 0x96cd1c35);
      d = round(d ^ lane(view.getInt32(at + 12, true), 0xa1e38b93, 18, 0x239b961b), 13, a, 0x32ac3b17);
    }
    const sum = finish(a + b + c + d);
    hashes[4 * page] = finish(a) + sum;
    hashes[4 * page + 1] = finish(b) + sum;
    hashes[4 * page + 2] = finish(c) + sum;
    hashes[4 * page + 3] = finish(d) + sum;
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function lane(value: number, before: number, bits: number, after: number): number {
  return Math.imul(rotate(Math.imul(value, before), bits), after);
}

function round(value: number, bits: number, next: number, constant: number): number {
  return (Math.imul(rotate(value, bits) + next, 5) + constant) | 0;
}

function finish(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
