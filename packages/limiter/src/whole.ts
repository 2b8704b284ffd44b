/** The nearest whole number in 0 … 2^53 − 1, so that no arithmetic on an observation can make a NaN; NaN becomes 0. */
export function toWhole(value: number): number {
  if (!(value > 0)) return 0;
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER);
}
