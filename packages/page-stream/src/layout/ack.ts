import type { Ack } from '../frames.ts';
import { MAX_MESSAGE_BYTES } from '../limits.ts';
import type { Payload } from '../payload.ts';
import { encodeLabel } from '../text.ts';
import { pad8 } from '../u64.ts';

const HEAD_BYTES = 24;
const DIGEST_VERIFIED = 1;
const ORACLE_VERIFIED = 2;

const outcomes = ['done', 'failed'] as const;

export function writeAck(ack: Ack): Uint8Array {
  const message = encodeLabel(ack.message, MAX_MESSAGE_BYTES);
  const bytes = new Uint8Array(HEAD_BYTES + pad8(message.length));
  const view = new DataView(bytes.buffer);
  const verified = (ack.digestVerified ? DIGEST_VERIFIED : 0) | (ack.oracleVerified ? ORACLE_VERIFIED : 0);
  view.setUint32(0, outcomes.indexOf(ack.outcome), true);
  view.setUint32(4, verified, true);
  view.setUint32(8, ack.digest[0] ?? 0, true);
  view.setUint32(12, ack.digest[1] ?? 0, true);
  view.setUint16(16, message.length, true);
  bytes.set(message, HEAD_BYTES);
  return bytes;
}

export function readAck(payload: Payload): Ack {
  payload.expectAtLeast(HEAD_BYTES);
  const outcome = outcomes[payload.u32(0)];
  if (outcome === undefined) return payload.fail('STREAM_BAD_VALUE', 0, `outcome ${payload.u32(0)}`);
  const verified = payload.u32(4);
  if (verified > (DIGEST_VERIFIED | ORACLE_VERIFIED)) {
    payload.fail('STREAM_RESERVED', 4, `verified 0x${verified.toString(16)}`);
  }
  const messageBytes = payload.u16(16);
  payload.expectWithin(messageBytes, MAX_MESSAGE_BYTES, 'MAX_MESSAGE_BYTES', 16);
  payload.reserved(18, 24);
  payload.expectLength(HEAD_BYTES + pad8(messageBytes));
  const message = payload.text(HEAD_BYTES, messageBytes);
  payload.padding(HEAD_BYTES + messageBytes);
  return {
    outcome,
    digestVerified: (verified & DIGEST_VERIFIED) !== 0,
    oracleVerified: (verified & ORACLE_VERIFIED) !== 0,
    digest: payload.bits64(8),
    message,
  };
}
