/** The largest DATA of a session: so long its sender can say nothing else, and so much a break in its middle may cost. */
export const MAX_SESSION_DATA_BYTES = 4 * 1024 * 1024;

/** Times that a side announces, in milliseconds: a day. What is longer is a mistake, not patience. */
export const MAX_SESSION_MS = 86_400_000;

export const SESSION_ID_BYTES = 16;
export const SESSION_TOKEN_BYTES = 16;

/** Which session, and the proof that it is the sender's. 16 bytes each. */
export interface SessionTicket {
  readonly id: Uint8Array;
  /** Whoever knows it can take the place of the source. */
  readonly token: Uint8Array;
}

/**
 * `unknown`: there is no such session, or not any more, or the token is not its own: which of them is nobody's business. `offset`: the
 * two sides do not mean the same bytes. `full`: no place for another session.
 */
export type SessionRefusal = 'unknown' | 'offset' | 'full';

/** A frame of the layer below the page stream (FORMAT.md, "Sessions"). Offsets count the bytes of one direction of the page stream. */
export type SessionFrame =
  /** A source begins a session. `silenceMs`: when nothing was heard for so long, the sender takes the connection for lost. */
  | { readonly type: 'open'; readonly silenceMs: number }
  /** A source goes on with one, of which it has had the first `received` bytes of the destination. */
  | ({ readonly type: 'resume'; readonly received: number; readonly silenceMs: number } & SessionTicket)
  /** The destination waits for `waitMs` for a source whose connection broke. */
  | ({ readonly type: 'granted'; readonly waitMs: number; readonly silenceMs: number } & SessionTicket)
  | { readonly type: 'resumed'; readonly received: number; readonly silenceMs: number }
  | { readonly type: 'refused'; readonly reason: SessionRefusal }
  /** `byteCount` bytes of the page stream follow; the first of them is at `at`. */
  | { readonly type: 'data'; readonly at: number; readonly byteCount: number }
  /** The sender has all bytes before `at`. Also a sign of life. */
  | { readonly type: 'received'; readonly at: number }
  /** The page stream of this direction is `at` bytes long, and the sender will not come again. */
  | { readonly type: 'finished'; readonly at: number };

export type SessionFrameType = SessionFrame['type'];

/** Types with bits 15 and 14 (FORMAT.md, "Sessions"). */
export const sessionTypes: Readonly<Record<SessionFrameType, number>> = {
  open: 0xc001,
  resume: 0xc002,
  granted: 0xc003,
  resumed: 0xc004,
  refused: 0xc005,
  data: 0xc006,
  received: 0xc007,
  finished: 0xc008,
};

export const refusalNumbers: Readonly<Record<SessionRefusal, number>> = { unknown: 1, offset: 2, full: 3 };
