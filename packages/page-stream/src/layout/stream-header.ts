import { FORMAT_VERSION } from '../frame-header.ts';
import { DIGEST_UNIT_BYTES } from '../limits.ts';
import type { Payload } from '../payload.ts';

/** Payload of STREAM_HEADER (FORMAT.md). */
const BYTES = 32;

export const STREAM_ID_BYTES = 16;

export function writeStreamHeader(streamId: Uint8Array, requiredFeatures = 0): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, FORMAT_VERSION, true);
  view.setUint32(4, DIGEST_UNIT_BYTES, true);
  view.setUint32(8, requiredFeatures, true);
  bytes.set(streamId, 16);
  return bytes;
}

/** `knownFeatures`: those that the reader can read. */
export function readStreamHeader(payload: Payload, knownFeatures: number) {
  payload.expectAtLeast(8);
  const version = payload.u16(0);
  if (version !== FORMAT_VERSION) payload.fail('STREAM_VERSION', 0, `format version ${version}`);
  payload.expectLength(BYTES);
  payload.reserved(2, 4);
  if (payload.u32(4) !== DIGEST_UNIT_BYTES) {
    payload.fail('STREAM_BAD_VALUE', 4, `digest unit of ${payload.u32(4)} bytes`);
  }
  const requiredFeatures = payload.u32(8);
  if ((requiredFeatures & ~knownFeatures) !== 0) {
    payload.fail('STREAM_FEATURE', 8, `required features 0x${requiredFeatures.toString(16)}`);
  }
  const streamId = payload.bytes.slice(16, 16 + STREAM_ID_BYTES);
  return { version, requiredFeatures, optionalFeatures: payload.u32(12), streamId };
}
