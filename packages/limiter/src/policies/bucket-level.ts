import { toWhole } from '../whole.ts';

/** Tokens in a bucket, as plain numbers: `bytes` (negative in debt) plus `nanoBytes` / 10⁹, both whole. */
export interface BucketLevel {
  readonly bytes: number;
  /** 0 … 999 999 999. */
  readonly nanoBytes: number;
  /** Up to when the bucket has been filled. */
  readonly lastNs: number;
}

/** One byte in nano-bytes, which is what one byte per second gives in one nanosecond. */
export const NANO = 1_000_000_000n;

/** Observations may be taken a little out of order; a step back of more than this is a new clock. */
const CLOCK_SLIP_NS = 1_000_000_000;

/** The level in nano-bytes. A rate times nanoseconds does not fit a number exactly, hence the big integer. */
export function joinLevel({ bytes, nanoBytes }: BucketLevel): bigint {
  return BigInt(bytes) * NANO + BigInt(nanoBytes);
}

export function splitLevel(level: bigint): { bytes: number; nanoBytes: number } {
  const nanoBytes = ((level % NANO) + NANO) % NANO;
  return { bytes: Number((level - nanoBytes) / NANO), nanoBytes: Number(nanoBytes) };
}

/**
 * Time that has passed since `lastNs`, and the new `lastNs`. A small step back waits for the clock to catch up, because
 * counting that time again would give it twice; after a large one, time starts anew.
 */
export function elapsedNs(lastNs: number, observedNs: number): { elapsed: number; lastNs: number } {
  const nowNs = Number.isNaN(observedNs) ? lastNs : toWhole(observedNs);
  if (nowNs >= lastNs) return { elapsed: nowNs - lastNs, lastNs: nowNs };
  return { elapsed: 0, lastNs: lastNs - nowNs <= CLOCK_SLIP_NS ? lastNs : nowNs };
}
