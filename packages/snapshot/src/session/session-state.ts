import { MAX_SESSION_DATA_BYTES, type SessionFrame } from '@stillframe/page-stream';
import { SentWindow } from './sent-window.ts';

/** Received bytes after which the other side is told so, at the latest: a small part of the window of a source. */
export const CONFIRM_EVERY_BYTES = 1024 * 1024;

/** What to say next: a frame, and the bytes that it announces. */
export interface Saying {
  readonly frame: SessionFrame;
  /** Of the window: stable until they are confirmed. */
  readonly bytes?: Uint8Array;
}

/** The two sides do not speak of the same bytes. */
export class OffsetError extends Error {
  override readonly name = 'OffsetError';
}

/**
 * One side of a session: which bytes of its stream are where, whatever becomes of the connections. Both sides are alike. No I/O.
 *
 * Ordering: a connection is `attach`ed with what the other side says it has, and forgotten by the next `attach`. In between `next` and
 * `gave` speak, `take` and `got` listen.
 */
export class SessionState {
  readonly window: SentWindow;
  #received = 0;
  #toldReceived = 0;
  /** Bytes of the last DATA that have not come yet. */
  #dataLeft = 0;
  #isFinishing = false;
  #isLeaving = false;
  #isFinishSaid = false;
  #peerFinished = false;

  readonly #confirmEveryBytes: number;

  /** `confirmEveryBytes`: a small part of the other side's window, or it would wait for a sign of life. */
  constructor(windowBytes: number, confirmEveryBytes = CONFIRM_EVERY_BYTES) {
    this.#confirmEveryBytes = confirmEveryBytes;
    this.window = new SentWindow(windowBytes);
  }

  /** So many bytes of the other side have come, over all connections. */
  get received(): number {
    return this.#received;
  }
  get dataLeft(): number {
    return this.#dataLeft;
  }
  /** The other side has said that nothing more comes. */
  get peerFinished(): boolean {
    return this.#peerFinished;
  }
  /** Everything of this side was given to the connection, its end as well. */
  get isFinishSaid(): boolean {
    return this.#isFinishSaid;
  }

  /** A new connection. Throws OffsetError when `peerReceived` cannot be. */
  attach(peerReceived: number): void {
    if (!this.window.rewind(peerReceived)) {
      const { confirmed, sent } = this.window;
      throw new OffsetError(`it waits for byte ${peerReceived}, and here are ${confirmed} to ${sent}`);
    }
    this.#dataLeft = 0;
    this.#toldReceived = this.#received;
    this.#isFinishSaid = false;
  }

  /** Nothing more will be put. */
  finish(): void {
    this.#isFinishing = true;
  }

  /** What was put and not given to a connection will never be: the other side need not wait for it. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** What should be said now, if anything: what is new of the other side's bytes first, because its window may be full. */
  next(): Saying | undefined {
    if (this.#isLeaving) return this.#isFinishSaid ? undefined : this.#lastWord();
    if (this.#received - this.#toldReceived >= this.#confirmEveryBytes) return this.signOfLife();
    const bytes = this.window.next(MAX_SESSION_DATA_BYTES);
    if (bytes.byteLength > 0) {
      return { frame: { type: 'data', at: this.window.sent, byteCount: bytes.byteLength }, bytes };
    }
    if (!this.#isFinishing || this.#isFinishSaid) return undefined;
    return this.#lastWord();
  }

  /** Where this side ends: behind what was given to the connection. */
  #lastWord(): Saying {
    return { frame: { type: 'finished', at: this.window.sent } };
  }

  /** What says nothing new, or confirms little. */
  signOfLife(): Saying {
    return { frame: { type: 'received', at: this.#received } };
  }

  /** `saying` was given to the connection. */
  gave({ frame }: Saying): void {
    if (frame.type === 'received') this.#toldReceived = frame.at;
    if (frame.type === 'data') this.window.gave(frame.byteCount);
    if (frame.type === 'finished') this.#isFinishSaid = true;
  }

  /** A frame came, and before it every byte of the last DATA. Throws OffsetError. */
  take(frame: SessionFrame): void {
    if (frame.type === 'received') {
      if (this.window.confirm(frame.at)) return;
      throw new OffsetError(`it has byte ${frame.at}, and only ${this.window.sent} were sent`);
    }
    if (frame.type !== 'data' && frame.type !== 'finished') return;
    // The end is said on each connection.
    const isAgain = this.#peerFinished && frame.type === 'finished';
    if (frame.at !== this.#received || (this.#peerFinished && !isAgain)) {
      throw new OffsetError(`it goes on at byte ${frame.at}, and ${this.#received} came`);
    }
    if (frame.type === 'finished') this.#peerFinished = true;
    else this.#dataLeft = frame.byteCount;
  }

  /** So many bytes of the last DATA came. */
  got(byteCount: number): void {
    this.#dataLeft -= byteCount;
    this.#received += byteCount;
  }
}
