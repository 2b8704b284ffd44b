import type { StreamFrom } from '../src/frame-order.ts';
import type { StreamLimits } from '../src/limits.ts';
import { end, TYPE } from '../test/payloads.ts';
import { joinFrames, type RawFrame } from '../test/raw-frames.ts';
import { referenceDigest } from '../test/reference-checksums.ts';
import { referenceDecode } from '../test/reference-decoder.ts';

/** Gives the frames the END that belongs to them, so that a changed image gets as far as being accepted. */
export function repairEnd(frames: readonly RawFrame[], from: StreamFrom, limits: StreamLimits): RawFrame[] {
  const at = frames.findIndex(({ type }) => type === TYPE.end);
  const before = at < 0 ? frames : frames.slice(0, at);
  const totals = { pages: 0, zeroPages: 0, dataBytes: 0, digest: 0n };
  let pageSizes: number[] = [];
  for (const frame of referenceDecode(joinFrames(before), from, limits).frames) {
    if (frame.type === 'regions') pageSizes = frame.regions.map(({ pageSize }) => pageSize);
    if (frame.type !== 'pages') continue;
    const pageSize = pageSizes[frame.region] ?? 0;
    let data = 0;
    for (const { firstPage, pageCount, kind } of frame.runs) {
      totals.pages += pageCount;
      if (kind === 'zero') totals.zeroPages += pageCount;
      if (kind === 'zero') continue;
      const bytes = frame.bytes.subarray(data, data + pageCount * pageSize);
      totals.digest += referenceDigest(bytes, frame.region, firstPage * pageSize);
      totals.dataBytes += bytes.length;
      data += bytes.length;
    }
  }
  const imageFrames = before.filter(({ type }) => type < 0x8000).length;
  const repaired = { type: TYPE.end, payload: end({ ...totals, frames: imageFrames }) };
  return [...before, repaired, ...(at < 0 ? [] : frames.slice(at + 1))];
}
