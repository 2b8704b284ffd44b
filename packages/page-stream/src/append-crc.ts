import { crcShift, moveCrc } from './crc32c.ts';

/** Lengths that are put together here fit into this many bits. */
const LENGTH_BITS = 32;

/** `shifts[k]` moves a CRC by 2^k bytes; made when first needed. */
const shifts: (Int32Array | undefined)[] = [];

function shift(power: number): Int32Array {
  return (shifts[power] ??= crcShift(2 ** power));
}

/** The CRC32C of A and B one after the other, from those of A and B and the length of B in bytes; no byte is read. */
export function appendCrc(crc: number, tailCrc: number, tailBytes: number): number {
  let moved = crc;
  for (let power = 0; power < LENGTH_BITS; power++) {
    if (Math.floor(tailBytes / 2 ** power) % 2 === 1) moved = moveCrc(shift(power), moved);
  }
  return (moved ^ tailCrc) >>> 0;
}
