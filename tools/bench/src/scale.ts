import { type Context, GIB, MIB } from './benchmark.ts';

/** How much work a run is. */
export type Scale = Pick<
  Context,
  'guestBytes' | 'smallGuestBytes' | 'processBytes' | 'stallMs' | 'rounds' | 'longRounds'
>;

/** As long as the goal says. */
const STALL_MS = 1000;

const FULL: Scale = {
  guestBytes: GIB,
  smallGuestBytes: 256 * MIB,
  processBytes: GIB,
  stallMs: STALL_MS,
  rounds: 5,
  longRounds: 3,
};
const QUICK: Scale = {
  guestBytes: 256 * MIB,
  smallGuestBytes: 64 * MIB,
  processBytes: 128 * MIB,
  stallMs: STALL_MS,
  rounds: 3,
  longRounds: 1,
};

export function scaleOf(isQuick: boolean, rounds: number | undefined): Scale {
  const scale = isQuick ? QUICK : FULL;
  return rounds === undefined ? scale : { ...scale, rounds, longRounds: rounds };
}
