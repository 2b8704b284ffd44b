/** Shorter repeats are not worth a sequence. */
const MIN_REPEAT = 32;
/** An LZ4 block ends with this many literals at least, and no match begins in its last 12 bytes. */
const LAST_LITERALS = 5;
const LAST_MATCH = 12;
const MIN_MATCH = 4;

/** One LZ4 block in which bytes that repeat are matches, and all others literals. */
export function packRepeats(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  let literals = 0;
  let at = 0;
  while (at < bytes.length) {
    let end = at + 1;
    while (end < bytes.length - LAST_LITERALS && bytes[end] === bytes[at]) end++;
    if (end - at < MIN_REPEAT || at + 1 > bytes.length - LAST_MATCH) {
      at += 1;
      continue;
    }
    sequence(out, bytes.subarray(literals, at + 1), end - at - 1);
    at = end;
    literals = end;
  }
  sequence(out, bytes.subarray(literals), 0);
  return Uint8Array.from(out);
}

/** Literals, and a match of `matchBytes` at distance 1; without one the block ends. */
function sequence(out: number[], literals: Uint8Array, matchBytes: number): void {
  const matchCode = matchBytes === 0 ? 0 : matchBytes - MIN_MATCH;
  out.push((Math.min(literals.length, 15) << 4) | Math.min(matchCode, 15));
  more(out, literals.length);
  for (const byte of literals) out.push(byte);
  if (matchBytes === 0) return;
  out.push(1, 0);
  more(out, matchCode);
}

/** What a length has above the 15 that fit in its nibble. */
function more(out: number[], length: number): void {
  if (length < 15) return;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) out.push(255);
  out.push(rest);
}
