/** The Castagnoli polynomial, bits reflected. */
const POLYNOMIAL = 0x82f63b78;

/** `tables[k * 256 + b]` moves byte `b` through `k + 1` bytes: slicing by eight. */
const tables = buildTables();

function buildTables(): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const crc = table[i - 256]!;
    table[i] = (crc >>> 8) ^ table[crc & 0xff]!;
  }
  return table;
}

/** CRC32C of `bytes`, continuing from `seed`, the CRC of what came before (0 to start). Unsigned. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.byteLength;
  const slicedEnd = length - (length % 8);
  let crc = ~seed;
  let i = 0;
  for (; i < slicedEnd; i += 8) {
    const low = view.getInt32(i, true) ^ crc;
    const high = view.getInt32(i + 4, true);
    crc =
      tables[0x700 + (low & 0xff)]! ^
      tables[0x600 + ((low >>> 8) & 0xff)]! ^
      tables[0x500 + ((low >>> 16) & 0xff)]! ^
      tables[0x400 + (low >>> 24)]! ^
      tables[0x300 + (high & 0xff)]! ^
      tables[0x200 + ((high >>> 8) & 0xff)]! ^
      tables[0x100 + ((high >>> 16) & 0xff)]! ^
      tables[high >>> 24]!;
  }
  for (; i < length; i++) crc = (crc >>> 8) ^ tables[(crc ^ view.getUint8(i)) & 0xff]!;
  return ~crc >>> 0;
}

/** How `byteCount` further bytes move a CRC, as a matrix over GF(2): the image of each bit. `byteCount` is a power of two. */
export function crcShift(byteCount: number): Int32Array {
  let columns = Int32Array.from({ length: 32 }, (_, bit) => {
    const crc = 1 << bit;
    return (crc >>> 8) ^ tables[crc & 0xff]!;
  });
  for (let bytes = 1; bytes < byteCount; bytes *= 2) {
    const once = columns;
    columns = once.map((column) => moveCrc(once, column));
  }
  return columns;
}

/** crc(AB) = moveCrc(crcShift(length of B), crc(A)) ^ crc(B). */
export function moveCrc(shift: Int32Array, crc: number): number {
  let moved = 0;
  for (let bit = 0, rest = crc; rest !== 0; bit++, rest >>>= 1) {
    if (rest & 1) moved ^= shift[bit]!;
  }
  return moved;
}
