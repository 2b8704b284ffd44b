/** `value` rounded down and put into 0 … 2^53 − 1, NaN as 0: arithmetic on whole numbers of an observation cannot make a NaN. */
export function toWhole(value: number): number {
  if (!(value > 0)) return 0;
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER);
}
