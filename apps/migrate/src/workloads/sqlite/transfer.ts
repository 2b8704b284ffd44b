/** Every account starts with this much, and no transfer creates or destroys any. */
export const OPENING_BALANCE = 1000;
export const MIN_ROWS = 2;
/** About 64 bytes a row, and the whole of it has to fit into 2 GiB. */
export const MAX_ROWS = 10_000_000;
/** Transaction numbers are bound as 32-bit integers; the journal fills the memory long before. */
export const MAX_TRANSACTIONS = 2 ** 31 - 1;
const MAX_AMOUNT = 100;

/** Money from one account to another. */
export interface Transfer {
  source: number;
  target: number;
  amount: number;
}

/** Transaction `n` (1, 2, 3 …) of the load on accounts 1 to `rows`: a pure function of both, written into `transfer`. */
export function chooseTransfer(n: number, rows: number, transfer: Transfer): void {
  const source = mix(n, 1) % rows;
  // One of the others: never the account itself.
  const target = (source + 1 + (mix(n, 2) % (rows - 1))) % rows;
  transfer.source = source + 1;
  transfer.target = target + 1;
  transfer.amount = 1 + (mix(n, 3) % MAX_AMOUNT);
}

/** An unsigned 32-bit number that depends on every bit of `n` and on `salt`. */
function mix(n: number, salt: number): number {
  let hash = Math.imul(n ^ Math.imul(salt, 0x9e37_79b1), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
