import type { Hello, Role } from '../frames.ts';
import { MIN_PAYLOAD_BYTES } from '../limits.ts';
import type { Payload } from '../payload.ts';
import { setU64 } from '../u64.ts';

const BYTES = 48;

const roleNumbers: Readonly<Record<Role, number>> = { source: 1, destination: 2 };

export function writeHello({ role, versionMin, versionMax, features, limits }: Hello): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, versionMin, true);
  view.setUint16(2, versionMax, true);
  view.setUint32(4, roleNumbers[role], true);
  view.setUint32(8, limits.maxPayloadBytes, true);
  view.setUint32(12, limits.maxRegions, true);
  setU64(view, 16, limits.maxPages);
  setU64(view, 24, limits.maxImageBytes);
  setU64(view, 32, limits.maxStateBytes);
  view.setUint32(40, features, true);
  return bytes;
}

/** `role` is that of the side whose bytes these are. */
export function readHello(payload: Payload, role: Role): Hello {
  payload.expectLength(BYTES);
  const versionMin = payload.u16(0);
  if (versionMin === 0) payload.fail('STREAM_BAD_VALUE', 0, 'lowest version 0');
  const versionMax = payload.u16(2);
  if (versionMax < versionMin) payload.fail('STREAM_BAD_VALUE', 2, 'highest version below the lowest');
  if (payload.u32(4) !== roleNumbers[role]) payload.fail('STREAM_BAD_VALUE', 4, `the role is not ${role}`);
  const maxPayloadBytes = payload.u32(8);
  if (maxPayloadBytes < MIN_PAYLOAD_BYTES || maxPayloadBytes % 8 !== 0) {
    payload.fail('STREAM_BAD_VALUE', 8, `maxPayloadBytes ${maxPayloadBytes}`);
  }
  const limits = {
    maxPayloadBytes,
    maxRegions: payload.u32(12),
    maxPages: payload.u64(16),
    maxImageBytes: payload.u64(24),
    maxStateBytes: payload.u64(32),
  };
  const features = payload.u32(40);
  payload.reserved(44, 48);
  return { role, versionMin, versionMax, features, limits };
}
