/**
 * Zstandard frames (RFC 8878) whose blocks are raw or of one repeated byte, without checksum and dictionary: enough for tests of a
 * format that leaves zstd to whoever injects it.
 */

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

/** The pages of `unpackZstd`, for such frames; false for all others. */
export function tinyUnpackZstd(stored: Uint8Array, pages: Uint8Array): boolean {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  if (stored.length < 12 || MAGIC.some((byte, index) => stored[index] !== byte)) return false;
  // One segment, frame content size of 4 bytes.
  if (stored[4] !== 0xa0 || view.getUint32(5, true) !== pages.length) return false;
  let to = 0;
  for (let at = 9; at + 3 <= stored.length; ) {
    const head = view.getUint16(at, true) | ((stored[at + 2] ?? 0) << 16);
    const size = head >>> 3;
    const type = (head >>> 1) & 3;
    at += 3;
    const taken = type === 1 ? 1 : size;
    if (type > 1 || to + size > pages.length || at + taken > stored.length) return false;
    if (type === 1) pages.fill(stored[at] ?? 0, to, to + size);
    else pages.set(stored.subarray(at, at + size), to);
    to += size;
    at += taken;
    if (head & 1) return to === pages.length && at === stored.length;
  }
  return false;
}

/** A frame of `size` times one byte. */
export function tinyZstd(byte: number, size: number): Uint8Array {
  const head = 1 | (1 << 1) | (size << 3);
  const bytes = new Uint8Array(13);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint8(4, 0xa0);
  view.setUint32(5, size, true);
  view.setUint16(9, head & 0xffff, true);
  view.setUint8(11, head >>> 16);
  view.setUint8(12, byte);
  return bytes;
}
