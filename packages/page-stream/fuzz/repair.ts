import type { StreamFrom } from '../src/frame-order.ts';
import type { StreamLimits } from '../src/limits.ts';
import { end, TYPE } from '../test/payloads.ts';
import { joinFrames, type RawFrame } from '../test/raw-frames.ts';
import { referenceParent } from '../test/reference-chunks.ts';
import { referenceDecode } from '../test/reference-decoder.ts';

/** Gives the frames the END that belongs to them, so that a changed image gets as far as being accepted. */
export function repairEnd(frames: readonly RawFrame[], from: StreamFrom, limits: StreamLimits): RawFrame[] {
  const at = frames.findIndex(({ type }) => type === TYPE.end);
  const before = at < 0 ? frames : frames.slice(0, at);
  const { totals } = referenceDecode(joinFrames(before), from, limits, referenceParent);
  const imageFrames = before.filter(({ type }) => type < 0x8000).length;
  const repaired = { type: TYPE.end, payload: end({ ...totals, frames: imageFrames }) };
  return [...before, repaired, ...(at < 0 ? [] : frames.slice(at + 1))];
}
