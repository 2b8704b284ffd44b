import {
  beginsSession,
  PageStreamError,
  SESSION_FRAME_BYTES,
  SESSION_ID_BYTES,
  SESSION_TOKEN_BYTES,
  type SessionFrame,
  SessionReader,
  type SessionRefusal,
  type SessionTicket,
  SessionWriter,
} from '@stillframe/page-stream';
import { type Clock, monotonicClock } from '../clock.ts';
import { within } from '../peer/limits.ts';
import type { Transport } from '../peer/transport.ts';
import { Bell } from './bell.ts';
import { opened } from './first-words.ts';
import {
  DEFAULT_RETRY_WAIT_MS,
  DESTINATION_WINDOW_BYTES,
  FIRST_WORD_MS,
  LINK_SILENCE_MS,
  SESSIONS_MAX,
} from './limits.ts';
import { Session } from './session.ts';
import { SessionLink } from './session-link.ts';

export interface SessionHostOptions {
  readonly clock?: Clock;
  /** How long to wait for a source whose connection broke, and how long its outcome is remembered; 60 s when not given. */
  readonly waitMs?: number;
  readonly silenceMs?: number;
  readonly firstWordMs?: number;
  readonly maxSessions?: number;
  /** Bytes that nobody can guess. */
  readonly randomBytes?: (byteCount: number) => Uint8Array;
  readonly onEvent?: (event: HostEvent) => void;
}

/** What becomes of the connection of a session, seen from the destination. */
export type HostEvent =
  | { readonly type: 'link'; readonly state: 'lost'; readonly reason: string; readonly waitMs: number }
  | { readonly type: 'link'; readonly state: 'back' };

/** What a connection turned out to be. `resumed`: it is part of a session that is known, or was refused; nothing is left to do. */
export type Admission =
  | { readonly kind: 'plain'; readonly transport: Transport }
  | { readonly kind: 'session'; readonly accept: () => Transport; readonly drop: () => void }
  | { readonly kind: 'resumed' };

interface Hosted extends SessionTicket {
  readonly session: Session;
  /** Ends the wait for its source. */
  waiting: AbortController;
}

/**
 * The sessions of a destination: gives one to each source that asks, and brings connections back to the one that they belong to.
 *
 * Security: whoever shows the token is the source, also while the connection of before seems to live: the side that still listens cannot
 * know that the other one has lost it. Without TLS the token can be read on the way, as everything else can.
 */
export class SessionHost {
  readonly #clock: Clock;
  readonly #options: SessionHostOptions;
  readonly #silenceMs: number;
  readonly #waitMs: number;
  readonly #known = new Map<string, Hosted>();
  readonly #bell = new Bell();
  #opening = 0;

  constructor(options: SessionHostOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? monotonicClock;
    this.#silenceMs = options.silenceMs ?? LINK_SILENCE_MS;
    this.#waitMs = options.waitMs ?? DEFAULT_RETRY_WAIT_MS;
  }

  /** How many sessions there are, those included that are over and may not have been heard. */
  get size(): number {
    return this.#known.size;
  }

  /** Takes a connection from which nothing was read. Never rejects: what is wrong with it is told when it is read. */
  async admit(connection: Transport): Promise<Admission> {
    const words = opened(connection);
    const limitMs = this.#options.firstWordMs ?? FIRST_WORD_MS;
    const first = await within(
      this.#clock,
      limitMs,
      words.peek(SESSION_FRAME_BYTES),
      () => new Error('slow'),
    ).catch(() => undefined);
    if (first === undefined || first.byteLength < SESSION_FRAME_BYTES || !beginsSession(first)) {
      return { kind: 'plain', transport: words.transport };
    }
    const reader = new SessionReader('source');
    let frame: SessionFrame;
    try {
      frame = reader.read(first, 0);
    } catch (error) {
      if (!(error instanceof PageStreamError)) throw error;
      // The page stream refuses it, with a reason.
      return { kind: 'plain', transport: words.transport };
    }
    if (frame.type === 'resume') await this.#resume(words.rest, reader, frame);
    return frame.type === 'open' ? this.#open(words.rest, reader, frame.silenceMs) : { kind: 'resumed' };
  }

  /** Waits until every source has heard what became of its image, or was given up. */
  async settled(): Promise<void> {
    // oxlint-disable-next-line no-await-in-loop -- until there is none
    while (this.#known.size > 0) await this.#bell.next();
  }

  /** Forgets every session; what still reads or writes one fails. */
  close(): void {
    for (const hosted of this.#known.values()) {
      hosted.waiting.abort('closed');
      hosted.session.giveUp(new Error('the destination has ended'));
    }
    this.#known.clear();
    this.#bell.ring();
  }

  async #open(transport: Transport, reader: SessionReader, peerSilenceMs: number): Promise<Admission> {
    if (this.#known.size + this.#opening >= (this.#options.maxSessions ?? SESSIONS_MAX)) {
      await this.#refuse(transport, 'full');
      return { kind: 'resumed' };
    }
    this.#opening++;
    const accept = () => {
      this.#opening--;
      const hosted = this.#begin();
      const { id, token } = hosted;
      const greeting = {
        type: 'granted',
        id,
        token,
        waitMs: this.#waitMs,
        silenceMs: this.#silenceMs,
      } as const;
      this.#link(hosted, { transport, reader, peerSilenceMs, greeting });
      return hosted.session;
    };
    const drop = () => {
      this.#opening--;
      void transport.destroy();
    };
    return { kind: 'session', accept, drop };
  }

  #begin(): Hosted {
    const random =
      this.#options.randomBytes ?? ((byteCount: number) => crypto.getRandomValues(new Uint8Array(byteCount)));
    const id = random(SESSION_ID_BYTES);
    const key = keyOf(id);
    const session = new Session({
      windowBytes: DESTINATION_WINDOW_BYTES,
      onParted: (error) => void this.#wait(hosted, error),
      onDestroyed: () => {
        if (session.isUnheard) void this.#wait(hosted);
        else this.#forget(key);
      },
    });
    const hosted: Hosted = {
      id,
      token: random(SESSION_TOKEN_BYTES),
      session,
      waiting: new AbortController(),
    };
    this.#known.set(key, hosted);
    return hosted;
  }

  async #resume(
    transport: Transport,
    reader: SessionReader,
    frame: Extract<SessionFrame, { type: 'resume' }>,
  ): Promise<void> {
    const hosted = this.#known.get(keyOf(frame.id));
    if (hosted === undefined || !isSame(hosted.token, frame.token))
      return await this.#refuse(transport, 'unknown');
    const { session } = hosted;
    // Whatever the connection of before does meanwhile, and whoever else comes.
    do {
      // oxlint-disable-next-line no-await-in-loop -- rarely twice
      await session.detach();
    } while (session.isLinked);
    if (this.#known.get(keyOf(frame.id)) !== hosted) return await this.#refuse(transport, 'unknown');
    hosted.waiting.abort('back');
    try {
      session.state.attach(frame.received);
    } catch {
      void this.#wait(hosted);
      return await this.#refuse(transport, 'offset');
    }
    const greeting = {
      type: 'resumed',
      received: session.state.received,
      silenceMs: this.#silenceMs,
    } as const;
    this.#link(hosted, { transport, reader, peerSilenceMs: frame.silenceMs, greeting });
    this.#options.onEvent?.({ type: 'link', state: 'back' });
  }

  #link(
    { session }: Hosted,
    one: { transport: Transport; reader: SessionReader; peerSilenceMs: number; greeting: SessionFrame },
  ): void {
    session.attach(
      new SessionLink({
        ...one,
        clock: this.#clock,
        state: session.state,
        writer: new SessionWriter(),
        silenceMs: this.#silenceMs,
        onProgress: session.onProgress,
      }),
    );
  }

  /** Until it comes back. `error`: how its connection broke, while somebody still reads it. */
  async #wait(hosted: Hosted, error?: unknown): Promise<void> {
    const waiting = new AbortController();
    hosted.waiting = waiting;
    const reason = error instanceof Error ? error.message : '';
    if (error !== undefined)
      this.#options.onEvent?.({ type: 'link', state: 'lost', reason, waitMs: this.#waitMs });
    await this.#clock.after(this.#waitMs, waiting.signal);
    if (waiting.signal.aborted) return;
    hosted.session.giveUp(new Error(`${reason}; it did not come back in ${this.#waitMs / 1000} s`));
    this.#forget(keyOf(hosted.id));
  }

  #forget(key: string): void {
    this.#known.get(key)?.waiting.abort('over');
    this.#known.delete(key);
    this.#bell.ring();
  }

  async #refuse(transport: Transport, reason: SessionRefusal): Promise<void> {
    const refusal = new SessionWriter().frame({ type: 'refused', reason });
    const say = async () => {
      await transport.write([refusal]);
      await transport.end();
    };
    await within(this.#clock, FIRST_WORD_MS, say(), () => new Error('slow')).catch(() => undefined);
    await transport.destroy();
  }
}

function keyOf(id: Uint8Array): string {
  return Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Takes the same time wherever the difference is. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.byteLength ^ b.byteLength;
  for (let at = 0; at < a.byteLength; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0);
  return difference === 0;
}
