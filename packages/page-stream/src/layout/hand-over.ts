import { MAX_LANES } from '../limits.ts';
import type { Payload } from '../payload.ts';
import { setU64 } from '../u64.ts';

const BYTES = 32;

/** The words of a hand-over, by number: FORMAT.md, "HAND_OVER". */
export const handOverSteps = [
  'offer',
  'prepared',
  'commit',
  'started',
  'returned',
  'withdrawn',
  'complete',
] as const;

export type HandOverStep = (typeof handOverSteps)[number];

export interface HandOver {
  readonly step: HandOverStep;
  /** Pages are still to come after the hand-over: post-copy. Only an offer may say so. */
  readonly lazy: boolean;
  /** The image digest, [low, high]; zeros where the sender does not state one. */
  readonly digest: Uint32Array;
  /** With `started`: from COMMIT until the guest ran, in microseconds; 0 otherwise. */
  readonly tookUs: number;
  /** With `offer`: further connections with pages; their END has to come as well. 0 otherwise. */
  readonly lanes: number;
}

export function writeHandOver({ step, lazy, digest, tookUs, lanes }: HandOver): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, handOverSteps.indexOf(step) + 1, true);
  view.setUint32(4, lazy ? 1 : 0, true);
  view.setUint32(8, digest[0] ?? 0, true);
  view.setUint32(12, digest[1] ?? 0, true);
  setU64(view, 16, tookUs);
  view.setUint32(24, lanes, true);
  return bytes;
}

export function readHandOver(payload: Payload): HandOver {
  payload.expectLength(BYTES);
  const step = handOverSteps[payload.u32(0) - 1];
  if (step === undefined) return payload.fail('STREAM_BAD_VALUE', 0, `step ${payload.u32(0)}`);
  const flags = payload.u32(4);
  if (flags > (step === 'offer' ? 1 : 0)) payload.fail('STREAM_RESERVED', 4, `flags 0x${flags.toString(16)}`);
  const tookUs = payload.u64(16);
  if (tookUs !== 0 && step !== 'started') payload.fail('STREAM_RESERVED', 16, `time with ${step}`);
  const lanes = payload.u32(24);
  if (lanes !== 0 && step !== 'offer') payload.fail('STREAM_RESERVED', 24, `lanes with ${step}`);
  payload.expectWithin(lanes, MAX_LANES, 'MAX_LANES', 24);
  payload.reserved(28, BYTES);
  return { step, lazy: flags === 1, digest: payload.bits64(8), tookUs, lanes };
}
