import type { PageCodec } from './codec.ts';

/** `PageCodec.isSame`, also where the codec has none. Both have the same length, a multiple of 16. */
export function isSameBytes(codec: PageCodec, one: Uint8Array, other: Uint8Array): boolean {
  if (codec.isSame) return codec.isSame(one, other);
  const a = new DataView(one.buffer, one.byteOffset, one.byteLength);
  const b = new DataView(other.buffer, other.byteOffset, other.byteLength);
  for (let i = 0; i < one.length; i += 16) {
    const differs =
      (a.getInt32(i) ^ b.getInt32(i)) |
      (a.getInt32(i + 4) ^ b.getInt32(i + 4)) |
      (a.getInt32(i + 8) ^ b.getInt32(i + 8)) |
      (a.getInt32(i + 12) ^ b.getInt32(i + 12));
    if (differs !== 0) return false;
  }
  return true;
}
