/** FORMAT.md, "Checksums", bit by bit. */
export function referenceCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

const MASK = (1n << 64n) - 1n;

function mix64(value: bigint): bigint {
  let z = value;
  z ^= z >> 30n;
  z = (z * 0xbf58476d1ce4e5b9n) & MASK;
  z ^= z >> 27n;
  z = (z * 0x94d049bb133111ebn) & MASK;
  z ^= z >> 31n;
  return z;
}

/** FORMAT.md, "Image digest". */
export function referenceTerm(region: bigint, unit: bigint, crc: bigint): bigint {
  if (crc === 0x98f94189n) return 0n;
  return mix64(mix64(unit ^ 0x9e3779b97f4a7c15n) ^ ((region << 32n) | crc));
}

/** The sum of the terms of all units of a piece of a region. `byteOffset` is where it lies in the region. */
export function referenceDigest(bytes: Uint8Array, region: number, byteOffset: number): bigint {
  let sum = 0n;
  for (let at = 0; at < bytes.length; at += 4096) {
    const crc = referenceCrc32c(bytes.subarray(at, at + 4096));
    sum += referenceTerm(BigInt(region), BigInt((byteOffset + at) / 4096), BigInt(crc));
  }
  return sum & MASK;
}

/** [low, high] as a 64-bit number. */
export function joinDigest(digest: Uint32Array): bigint {
  return (BigInt(digest[1] ?? 0) << 32n) | BigInt(digest[0] ?? 0);
}
