/* oxlint-disable no-await-in-loop -- until the frame is whole */
import {
  SESSION_FRAME_BYTES,
  type SessionFrame,
  type SessionRefusal,
  SessionReader,
  SessionWriter,
} from '@stillframe/page-stream';
import type { Clock } from '../clock.ts';
import { within } from '../peer/limits.ts';
import type { Transport } from '../peer/transport.ts';
import { FIRST_WORD_MS } from './limits.ts';

/** The other side does not go on with this session. */
export class SessionRefused extends Error {
  override readonly name = 'SessionRefused';
  readonly reason: SessionRefusal;
  constructor(reason: SessionRefusal) {
    super(WORDS[reason]);
    this.reason = reason;
  }
}

const WORDS: Readonly<Record<SessionRefusal, string>> = {
  unknown: 'it does not know this session, or not any more: it was started again, or has waited long enough',
  offset: 'it does not mean the same bytes',
  full: 'it has no place for another session',
};

/** A connection whose first frames were exchanged. */
export interface Handshake {
  readonly answer: Exclude<SessionFrame, { type: 'refused' }>;
  readonly reader: SessionReader;
  readonly writer: SessionWriter;
}

/** The source's part. Rejects with SessionRefused, PageStreamError, or what broke the connection, which stays the caller's. */
export async function shakeHands(
  transport: Transport,
  first: SessionFrame,
  { clock, limitMs = FIRST_WORD_MS }: { readonly clock: Clock; readonly limitMs?: number },
): Promise<Handshake> {
  const reader = new SessionReader('destination');
  const writer = new SessionWriter();
  const exchange = async (): Promise<SessionFrame> => {
    await transport.write([writer.frame(first)]);
    const bytes = new Uint8Array(SESSION_FRAME_BYTES);
    for (let at = 0; at < bytes.byteLength; ) {
      const byteCount = await transport.read(bytes.subarray(at));
      if (byteCount === 0) throw new Error('it closed the connection without a word');
      at += byteCount;
    }
    return reader.read(bytes, 0);
  };
  const onTimeout = () => new Error(`it did not answer within ${limitMs} ms`);
  const answer = await within(clock, limitMs, exchange(), onTimeout);
  if (answer.type === 'refused') throw new SessionRefused(answer.reason);
  return { answer, reader, writer };
}
