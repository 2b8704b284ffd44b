import type { ImageTotals } from '../frames.ts';
import { formatDigest } from '../image-digest.ts';
import type { Payload } from '../payload.ts';
import { setU64 } from '../u64.ts';

export const END_BYTES = 40;

const counts = ['pages', 'zeroPages', 'dataBytes', 'frames'] as const;

export function writeEnd(totals: ImageTotals): Uint8Array {
  const bytes = new Uint8Array(END_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, name] of counts.entries()) setU64(view, index * 8, totals[name]);
  view.setUint32(32, totals.digest[0] ?? 0, true);
  view.setUint32(36, totals.digest[1] ?? 0, true);
  return bytes;
}

/** What an END frame states; nothing is compared. */
export function readEnd(payload: Payload): ImageTotals {
  expectEndLength(payload);
  const [pages, zeroPages, dataBytes, frames] = counts.map((_, index) => payload.u64(index * 8));
  return {
    pages: pages!,
    zeroPages: zeroPages!,
    dataBytes: dataBytes!,
    frames: frames!,
    digest: payload.bits64(32),
  };
}

/** Compares END with what came. */
export function checkEnd(payload: Payload, received: ImageTotals): void {
  for (const [index, name] of counts.entries()) {
    const stated = payload.maybeU64(index * 8);
    if (stated !== received[name]) {
      const message = `${name} is ${stated ?? 'above 2^53 - 1'}, but ${received[name]} came`;
      payload.fail('STREAM_TOTALS', index * 8, message);
    }
  }
  const stated = formatDigest(payload.bits64(32));
  const computed = formatDigest(received.digest);
  if (stated !== computed) payload.fail('STREAM_DIGEST', 32, `digest is ${stated}, computed ${computed}`);
}

export function expectEndLength(payload: Payload): void {
  payload.expectLength(END_BYTES);
}
