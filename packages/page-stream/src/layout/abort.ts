import type { Abort } from '../frames.ts';
import { MAX_CODE_BYTES, MAX_MESSAGE_BYTES } from '../limits.ts';
import type { Payload } from '../payload.ts';
import { encodeLabel, isCode } from '../text.ts';
import { pad8 } from '../u64.ts';

const HEAD_BYTES = 8;

/** Sent instead of a code that the format cannot carry: giving up must not fail. */
const UNKNOWN_CODE = 'UNKNOWN';

export function writeAbort(abort: Abort): Uint8Array {
  const sendable = isCode(abort.code) && abort.code.length <= MAX_CODE_BYTES;
  const code = encodeLabel(sendable ? abort.code : UNKNOWN_CODE, MAX_CODE_BYTES);
  const message = encodeLabel(abort.message, MAX_MESSAGE_BYTES);
  const bytes = new Uint8Array(HEAD_BYTES + pad8(code.length + message.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code.length, true);
  view.setUint16(2, message.length, true);
  bytes.set(code, HEAD_BYTES);
  bytes.set(message, HEAD_BYTES + code.length);
  return bytes;
}

export function readAbort(payload: Payload): Abort {
  payload.expectAtLeast(HEAD_BYTES);
  const codeBytes = payload.u16(0);
  if (codeBytes === 0) payload.fail('STREAM_BAD_STRING', 0, 'no code');
  payload.expectWithin(codeBytes, MAX_CODE_BYTES, 'MAX_CODE_BYTES', 0);
  const messageBytes = payload.u16(2);
  payload.expectWithin(messageBytes, MAX_MESSAGE_BYTES, 'MAX_MESSAGE_BYTES', 2);
  payload.reserved(4, 8);
  const messageStart = HEAD_BYTES + codeBytes;
  payload.expectLength(pad8(messageStart + messageBytes));
  const code = payload.text(HEAD_BYTES, codeBytes);
  if (!isCode(code)) payload.fail('STREAM_BAD_STRING', HEAD_BYTES, 'not a code');
  const message = payload.text(messageStart, messageBytes);
  payload.padding(messageStart + messageBytes);
  return { code, message };
}
