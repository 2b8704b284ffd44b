import type { PageCodec } from './codec.ts';
import { crcShift } from './crc32c.ts';

/** `tables[k]` moves a CRC by 2^k bytes: the images of its four bytes, 256 for each; made when first needed, 4 KiB each. */
const tables: (Int32Array | undefined)[] = [];

function tableOf(power: number): Int32Array {
  return (tables[power] ??= buildTable(crcShift(2 ** power)));
}

/** From the images of single bits those of all bytes. */
function buildTable(columns: Int32Array): Int32Array {
  const table = new Int32Array(4 * 256);
  for (let place = 0; place < 4; place++) {
    for (let byte = 1; byte < 256; byte++) {
      const lowest = 31 - Math.clz32(byte & -byte);
      table[place * 256 + byte] = table[place * 256 + (byte & (byte - 1))]! ^ columns[place * 8 + lowest]!;
    }
  }
  return table;
}

/**
 * The CRC32C of A and B one after the other, from those of A and B and the length of B in bytes, below 2^32; no byte is read. Called for
 * every chunk, so it is a few look-ups for each bit of the length.
 */
export function appendCrc(crc: number, tailCrc: number, tailBytes: number): number {
  let moved = crc | 0;
  for (let power = 0, rest = tailBytes; rest > 0; power++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 0) continue;
    const table = tableOf(power);
    moved =
      table[moved & 0xff]! ^
      table[0x100 + ((moved >>> 8) & 0xff)]! ^
      table[0x200 + ((moved >>> 16) & 0xff)]! ^
      table[0x300 + (moved >>> 24)]!;
  }
  return (moved ^ tailCrc) >>> 0;
}

/** `PageCodec.appendCrc`, also where the codec has none. */
export function joinCrc(codec: PageCodec, crc: number, tailCrc: number, tailBytes: number): number {
  if (tailBytes === 0) return crc;
  return codec.appendCrc ? codec.appendCrc(crc, tailCrc, tailBytes) : appendCrc(crc, tailCrc, tailBytes);
}
