/**
 * `(a × b + c) ÷ divisor`, exactly: whole numbers, a, b ≥ 0, divisor > 0, and the sum ≥ 0. A rate times nanoseconds often does not
 * fit a number; where it does, plain arithmetic is ten times as fast. The quotient is rounded if it is beyond 2^53.
 */
export function divideExactly(
  a: number,
  b: number,
  c: number,
  divisor: number,
): { quotient: number; remainder: number } {
  const product = a * b;
  if (product + c <= Number.MAX_SAFE_INTEGER && product <= Number.MAX_SAFE_INTEGER) {
    // Not %, which takes microseconds on large numbers. The floor is exact: below 2^53 no quotient rounds up to a whole number.
    const quotient = Math.floor((product + c) / divisor);
    return { quotient, remainder: product + c - quotient * divisor };
  }
  const dividend = BigInt(a) * BigInt(b) + BigInt(c);
  const by = BigInt(divisor);
  return { quotient: Number(dividend / by), remainder: Number(dividend % by) };
}
