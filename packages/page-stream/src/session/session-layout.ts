import { crc32c } from '../crc32c.ts';
import { PageStreamError } from '../error.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../frame-header.ts';
import { Payload } from '../payload.ts';
import { setU64 } from '../u64.ts';
import {
  MAX_SESSION_DATA_BYTES,
  MAX_SESSION_MS,
  refusalNumbers,
  type SessionFrame,
  type SessionRefusal,
  sessionTypes,
} from './session-frames.ts';

const PAYLOAD_BYTES = 48;
/** All frames of a session have one length, so that a reader always knows how much to wait for. */
export const SESSION_FRAME_BYTES = FRAME_HEADER_BYTES + PAYLOAD_BYTES;

const at = { position: 0, count: 8, detail: 12, id: 16, token: 32, end: PAYLOAD_BYTES } as const;

type Field = Exclude<keyof typeof at, 'end'>;
const endOf = { position: at.count, count: at.detail, detail: at.id, id: at.token, token: at.end } as const;

export function writeSessionFrame(frame: SessionFrame, sequence: number): Uint8Array {
  const bytes = new Uint8Array(SESSION_FRAME_BYTES);
  const payload = bytes.subarray(FRAME_HEADER_BYTES);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if ('received' in frame) setU64(view, at.position, frame.received);
  if ('at' in frame) setU64(view, at.position, frame.at);
  if ('byteCount' in frame) view.setUint32(at.count, frame.byteCount, true);
  if ('waitMs' in frame) view.setUint32(at.count, frame.waitMs, true);
  if ('silenceMs' in frame) view.setUint32(at.detail, frame.silenceMs, true);
  if ('reason' in frame) view.setUint32(at.detail, refusalNumbers[frame.reason], true);
  if ('token' in frame) {
    payload.set(frame.id, at.id);
    payload.set(frame.token, at.token);
  }
  writeFrameHeader(bytes, {
    type: sessionTypes[frame.type],
    payloadBytes: PAYLOAD_BYTES,
    payloadCrc: crc32c(payload),
    sequence,
  });
  return bytes;
}

/** Field by field, in the order of the table; those that a frame does not have are reserved. */
export function readSessionPayload(payload: Payload): SessionFrame {
  payload.expectLength(PAYLOAD_BYTES);
  switch (payload.header.type) {
    case sessionTypes.open:
      reserved(payload, 'position', 'count');
      return withoutTicket(payload, { type: 'open', silenceMs: silenceOf(payload) });
    case sessionTypes.resume: {
      const received = payload.u64(at.position);
      reserved(payload, 'count');
      return { type: 'resume', received, silenceMs: silenceOf(payload), ...ticketOf(payload) };
    }
    case sessionTypes.granted: {
      reserved(payload, 'position');
      const waitMs = payload.u32(at.count);
      payload.expectWithin(waitMs, MAX_SESSION_MS, 'MAX_SESSION_MS', at.count);
      return { type: 'granted', waitMs, silenceMs: silenceOf(payload), ...ticketOf(payload) };
    }
    case sessionTypes.resumed: {
      const received = payload.u64(at.position);
      reserved(payload, 'count');
      return withoutTicket(payload, { type: 'resumed', received, silenceMs: silenceOf(payload) });
    }
    case sessionTypes.refused:
      reserved(payload, 'position', 'count');
      return withoutTicket(payload, { type: 'refused', reason: reasonOf(payload) });
    case sessionTypes.data:
      return dataOf(payload);
    case sessionTypes.received:
      return { type: 'received', at: onlyPosition(payload) };
    case sessionTypes.finished:
      return { type: 'finished', at: onlyPosition(payload) };
    default:
      throw new PageStreamError(
        'STREAM_UNEXPECTED_FRAME',
        payload.header.offset,
        'this frame is not one of a session',
      );
  }
}

function reserved(payload: Payload, ...fields: readonly Field[]): void {
  for (const field of fields) payload.reserved(at[field], endOf[field]);
}

function dataOf(payload: Payload): SessionFrame {
  const position = payload.u64(at.position);
  const byteCount = payload.u32(at.count);
  if (byteCount === 0) payload.fail('STREAM_BAD_VALUE', at.count, 'no bytes');
  payload.expectWithin(byteCount, MAX_SESSION_DATA_BYTES, 'MAX_SESSION_DATA_BYTES', at.count);
  reserved(payload, 'detail');
  return withoutTicket(payload, { type: 'data', at: position, byteCount });
}

function onlyPosition(payload: Payload): number {
  const position = payload.u64(at.position);
  reserved(payload, 'count', 'detail', 'id', 'token');
  return position;
}

function silenceOf(payload: Payload): number {
  const silenceMs = payload.u32(at.detail);
  if (silenceMs === 0) payload.fail('STREAM_BAD_VALUE', at.detail, 'a silence of 0 ms');
  payload.expectWithin(silenceMs, MAX_SESSION_MS, 'MAX_SESSION_MS', at.detail);
  return silenceMs;
}

function reasonOf(payload: Payload): SessionRefusal {
  const number = payload.u32(at.detail);
  for (const reason of ['unknown', 'offset', 'full'] as const) {
    if (refusalNumbers[reason] === number) return reason;
  }
  return payload.fail('STREAM_BAD_VALUE', at.detail, `reason ${number}`);
}

function ticketOf(payload: Payload): { id: Uint8Array; token: Uint8Array } {
  return { id: payload.bytes.slice(at.id, at.token), token: payload.bytes.slice(at.token, at.end) };
}

function withoutTicket<Frame extends SessionFrame>(payload: Payload, frame: Frame): Frame {
  reserved(payload, 'id', 'token');
  return frame;
}
