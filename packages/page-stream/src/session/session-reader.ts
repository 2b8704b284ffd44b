import { crc32c } from '../crc32c.ts';
import { PageStreamError } from '../error.ts';
import { FRAME_HEADER_BYTES, readFrameHeader } from '../frame-header.ts';
import type { Role } from '../frames.ts';
import { Payload } from '../payload.ts';
import { type SessionFrame, type SessionFrameType, sessionTypes } from './session-frames.ts';
import { readSessionPayload, SESSION_FRAME_BYTES, writeSessionFrame } from './session-layout.ts';

const known: ReadonlySet<number> = new Set(Object.values(sessionTypes));

/** What a side says first, and only then. */
const FIRST: Readonly<Record<Role, readonly SessionFrameType[]>> = {
  source: ['open', 'resume'],
  destination: ['granted', 'resumed', 'refused'],
};
const LATER: readonly SessionFrameType[] = ['data', 'received', 'finished'];

/** The frames of one direction of one connection. No I/O. */
export class SessionReader {
  readonly #from: Role;
  #sequence = 0;
  #isOver = false;

  constructor(from: Role) {
    this.#from = from;
  }

  /**
   * Takes SESSION_FRAME_BYTES; `offset` is where they stand on the connection, for errors. The frame keeps nothing of `bytes`. Throws
   * PageStreamError.
   */
  read(bytes: Uint8Array, offset: number): SessionFrame {
    const header = readFrameHeader(bytes, offset, { maxPayloadBytes: SESSION_FRAME_BYTES }, known);
    if (header.sequence !== this.#sequence) {
      throw new PageStreamError(
        'STREAM_SEQUENCE',
        offset + 16,
        `sequence number ${header.sequence}, expected ${this.#sequence}`,
      );
    }
    const bytesOfPayload = bytes.subarray(FRAME_HEADER_BYTES, SESSION_FRAME_BYTES);
    const payload = new Payload(header, bytesOfPayload);
    payload.expectLength(header.payloadBytes);
    if (crc32c(bytesOfPayload) !== header.payloadCrc) {
      throw new PageStreamError('STREAM_PAYLOAD_CRC', offset + FRAME_HEADER_BYTES, 'payload CRC mismatch');
    }
    const frame = readSessionPayload(payload);
    this.#admit(frame.type, offset);
    return frame;
  }

  #admit(type: SessionFrameType, offset: number): void {
    const allowed = this.#isOver ? [] : this.#sequence === 0 ? FIRST[this.#from] : LATER;
    if (!allowed.includes(type)) {
      throw new PageStreamError('STREAM_UNEXPECTED_FRAME', offset, `${type} is not allowed here`);
    }
    this.#sequence++;
    this.#isOver = type === 'refused';
  }
}

/** Numbers the frames of one direction of one connection. */
export class SessionWriter {
  #sequence = 0;

  frame(frame: SessionFrame): Uint8Array {
    return writeSessionFrame(frame, this.#sequence++);
  }
}

/** Whether `bytes`, 8 or more of them, begin like a frame of a session: then they are no page stream. */
export function beginsSession(bytes: Uint8Array): boolean {
  const SESSION_BITS = 0xc0;
  return (
    bytes[0] === 0x53 &&
    bytes[1] === 0x46 &&
    bytes[2] === 0x50 &&
    bytes[3] === 0x31 &&
    ((bytes[5] ?? 0) & SESSION_BITS) === SESSION_BITS
  );
}
