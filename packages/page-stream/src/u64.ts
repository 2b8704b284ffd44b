const TWO_TO_32 = 0x1_0000_0000;

/** A little-endian u64 as a number; undefined above 2^53 - 1, which no count of the format may reach. */
export function getU64(view: DataView, at: number): number | undefined {
  const value = view.getUint32(at + 4, true) * TWO_TO_32 + view.getUint32(at, true);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Writes a safe integer as a little-endian u64. */
export function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_TO_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_TO_32), true);
}

/** The smallest multiple of 8 that is not smaller. */
export function pad8(length: number): number {
  return Math.ceil(length / 8) * 8;
}
