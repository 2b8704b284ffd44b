import type { Payload } from '../payload.ts';
import { setU64 } from '../u64.ts';

const BYTES = 16;

export interface RoundMark {
  /** The round that ends here: 1, 2, … */
  readonly round: number;
  /** Pages that it sent on this connection. */
  readonly pages: number;
}

export function writeRoundMark({ round, pages }: RoundMark): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, round, true);
  setU64(view, 8, pages);
  return bytes;
}

export function readRoundMark(payload: Payload): RoundMark {
  payload.expectLength(BYTES);
  const round = payload.u32(0);
  if (round === 0) payload.fail('STREAM_BAD_VALUE', 0, 'round 0');
  payload.reserved(4, 8);
  return { round, pages: payload.u64(8) };
}
