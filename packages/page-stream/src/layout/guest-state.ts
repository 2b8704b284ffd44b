import { MAX_NAME_BYTES, type StreamLimits } from '../limits.ts';
import type { Payload } from '../payload.ts';
import { pad8, setU64 } from '../u64.ts';

const HEAD_BYTES = 24;

/** Bytes of state that fit into a part whose kind takes `kindBytes`; a multiple of 8. */
export function partCapacity(maxPayloadBytes: number, kindBytes: number): number {
  return maxPayloadBytes - HEAD_BYTES - pad8(kindBytes);
}

/** Everything of a part before its bytes. `kind` is empty in all parts but the first. */
export function writeStateHead(
  kind: Uint8Array,
  totalBytes: number,
  partOffset: number,
  partBytes: number,
): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + pad8(kind.length));
  const view = new DataView(bytes.buffer);
  setU64(view, 0, totalBytes);
  setU64(view, 8, partOffset);
  view.setUint32(16, partBytes, true);
  view.setUint16(20, kind.length, true);
  bytes.set(kind, HEAD_BYTES);
  return bytes;
}

/** How far a state that comes in parts has got. */
export interface StateProgress {
  readonly kind: string;
  readonly totalBytes: number;
  readonly receivedBytes: number;
}

export interface StatePart {
  readonly kind: string;
  readonly totalBytes: number;
  readonly partOffset: number;
  readonly bytes: Uint8Array;
}

/** `before` is undefined for the first part. */
export function readStatePart(
  payload: Payload,
  before: StateProgress | undefined,
  limits: StreamLimits,
): StatePart {
  payload.expectAtLeast(HEAD_BYTES);
  const totalBytes = payload.u64(0);
  payload.expectWithin(totalBytes, limits.maxStateBytes, 'maxStateBytes', 0);
  if (before && totalBytes !== before.totalBytes) {
    payload.fail('STREAM_BAD_VALUE', 0, `total length ${totalBytes} was ${before.totalBytes} before`);
  }
  const partOffset = payload.u64(8);
  if (partOffset !== (before?.receivedBytes ?? 0)) {
    payload.fail('STREAM_BAD_VALUE', 8, `part offset ${partOffset} is not where the last part ended`);
  }
  const partBytes = payload.u32(16);
  if (partBytes > totalBytes - partOffset || (partBytes === 0 && totalBytes !== 0)) {
    payload.fail('STREAM_BAD_VALUE', 16, `part of ${partBytes} bytes at ${partOffset} of ${totalBytes}`);
  }
  const kindBytes = readKindLength(payload, before === undefined);
  payload.reserved(22, 24);
  const start = HEAD_BYTES + pad8(kindBytes);
  payload.expectLength(start + pad8(partBytes));
  const kind = before?.kind ?? payload.text(HEAD_BYTES, kindBytes);
  payload.padding(HEAD_BYTES + kindBytes);
  payload.padding(start + partBytes);
  return { kind, totalBytes, partOffset, bytes: payload.bytes.subarray(start, start + partBytes) };
}

function readKindLength(payload: Payload, first: boolean): number {
  const kindBytes = payload.u16(20);
  if (!first) {
    if (kindBytes !== 0) payload.fail('STREAM_BAD_VALUE', 20, 'a kind in a part that is not the first');
    return 0;
  }
  if (kindBytes === 0) payload.fail('STREAM_BAD_STRING', 20, 'a state has no kind');
  payload.expectWithin(kindBytes, MAX_NAME_BYTES, 'MAX_NAME_BYTES', 20);
  return kindBytes;
}
