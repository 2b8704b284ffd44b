import { PageStreamError, SESSION_FRAME_BYTES, type SessionFrame, SessionReader } from '../../src/index.ts';
import { refusalNumbers, sessionTypes } from '../../src/session/session-frames.ts';
import { Refused } from '../reference-fields.ts';
import { referenceSession } from './reference-session.ts';

export interface ReadSession {
  readonly frames: readonly object[];
  /** `CODE@OFFSET`, or undefined. */
  readonly error: string | undefined;
}

/** What SessionReader makes of one direction of one connection. */
export function readSession(bytes: Uint8Array, from: 'source' | 'destination'): ReadSession {
  const reader = new SessionReader(from);
  const frames: object[] = [];
  try {
    for (let at = 0; at < bytes.length; ) {
      if (bytes.length - at < SESSION_FRAME_BYTES) throw truncated(bytes);
      const frame = reader.read(bytes.subarray(at), at);
      frames.push(flat(frame));
      at += SESSION_FRAME_BYTES + (frame.type === 'data' ? frame.byteCount : 0);
      if (at > bytes.length) throw truncated(bytes);
    }
  } catch (error) {
    if (!(error instanceof PageStreamError)) throw error;
    return { frames, error: `${error.code}@${error.offset}` };
  }
  return { frames, error: undefined };
}

export function readByReference(bytes: Uint8Array, from: 'source' | 'destination'): ReadSession {
  try {
    return { frames: referenceSession(bytes, from), error: undefined };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { frames: [], error: error.message };
  }
}

/** Who reads frame by frame finds this; SessionReader is only ever given whole frames. */
function truncated(bytes: Uint8Array): PageStreamError {
  return new PageStreamError('STREAM_TRUNCATED', bytes.length, 'the connection ends in a frame');
}

/** As the reference decoder says it. */
function flat(frame: SessionFrame): object {
  const hex = 'token' in frame ? Buffer.concat([frame.id, frame.token]).toString('hex') : '0'.repeat(64);
  return {
    type: sessionTypes[frame.type],
    position: 'at' in frame ? frame.at : 'received' in frame ? frame.received : 0,
    count: 'byteCount' in frame ? frame.byteCount : 'waitMs' in frame ? frame.waitMs : 0,
    detail: 'silenceMs' in frame ? frame.silenceMs : 'reason' in frame ? refusalNumbers[frame.reason] : 0,
    ticket: hex,
  };
}
