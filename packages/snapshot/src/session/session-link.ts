/* oxlint-disable no-await-in-loop -- a connection does one thing after the other */
import {
  SESSION_FRAME_BYTES,
  type SessionFrame,
  type SessionReader,
  type SessionWriter,
} from '@stillframe/page-stream';
import type { Clock } from '../clock.ts';
import type { Transport } from '../peer/transport.ts';
import { Bell } from './bell.ts';
import type { Saying, SessionState } from './session-state.ts';

const NS_PER_MS = 1_000_000;
/** Signs of life in the time after which the other side would take this one for lost; some may be late. */
const BEATS_PER_SILENCE = 4;
/** A peer that wants to hear something all the time does not get it. */
const BEAT_MIN_MS = 20;

export interface SessionLinkOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly state: SessionState;
  readonly reader: SessionReader;
  readonly writer: SessionWriter;
  /** Without a word for so long, the connection is lost. */
  readonly silenceMs: number;
  /** The same on the other side: so this one speaks more often. */
  readonly peerSilenceMs: number;
  /** Said before everything else. */
  readonly greeting?: SessionFrame;
  /** The other side has confirmed something, or has taken what was written. */
  readonly onProgress: () => void;
}

/**
 * One connection of a session, from the first frames on: says what the state has to say, and reads what the reader asks for.
 *
 * Ordering: one loop writes; reads are the caller's, one at a time. Frames between the bytes are taken while it reads.
 */
export class SessionLink {
  readonly #options: SessionLinkOptions;
  readonly #bell = new Bell();
  readonly #over = new AbortController();
  readonly #head = new Uint8Array(SESSION_FRAME_BYTES);
  #headBytes = 0;
  #offset = 0;
  #isBeatDue = false;
  #hasSpoken = false;
  #readingSinceNs: number | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #handed = 0;
  #cause: { readonly error: unknown } | undefined;

  constructor(options: SessionLinkOptions) {
    this.#options = options;
    void this.#speak();
    void this.#beat();
  }

  /** Everything before this was taken by the system. */
  get handed(): number {
    return this.#handed;
  }

  /** There is something new to say. */
  speak(): void {
    this.#bell.ring();
  }

  /** Bytes of the other side; 0 when it has finished. Rejects with what broke the connection; `into` is not used any more then. */
  async read(into: Uint8Array): Promise<number> {
    const reading = this.#readOn(into);
    this.#reading = reading.catch(() => undefined);
    return await reading;
  }

  /** Drops the connection; a read that waits rejects. Resolves when nothing uses a buffer any more. Idempotent. */
  async destroy(error: unknown): Promise<void> {
    this.#break(error);
    await this.#options.transport.destroy();
    await this.#reading;
  }

  async #readOn(into: Uint8Array): Promise<number> {
    const { state } = this.#options;
    for (;;) {
      const { dataLeft } = state;
      if (dataLeft > 0) {
        // What follows the bytes comes with them, mostly: one system call less for each DATA.
        const came = await this.#receive(into.subarray(0, dataLeft + SESSION_FRAME_BYTES));
        const byteCount = Math.min(came, dataLeft);
        this.#head.set(into.subarray(byteCount, came));
        this.#headBytes = came - byteCount;
        state.got(byteCount);
        this.#bell.ring();
        return byteCount;
      }
      if (this.#headBytes < SESSION_FRAME_BYTES) {
        this.#headBytes += await this.#receive(this.#head.subarray(this.#headBytes));
        continue;
      }
      this.#headBytes = 0;
      this.#take();
      if (state.peerFinished) return 0;
    }
  }

  #take(): void {
    const { reader, state, onProgress } = this.#options;
    try {
      state.take(reader.read(this.#head, this.#offset - SESSION_FRAME_BYTES));
    } catch (error) {
      this.#break(error);
      throw error;
    }
    onProgress();
    this.#bell.ring();
  }

  async #receive(into: Uint8Array): Promise<number> {
    if (this.#cause !== undefined) throw this.broken;
    this.#readingSinceNs = this.#options.clock.nowNs();
    let byteCount: number;
    try {
      byteCount = await this.#options.transport.read(into);
    } catch (error) {
      this.#break(error);
      byteCount = 0;
    }
    this.#readingSinceNs = undefined;
    if (byteCount === 0) this.#break(new Error('it closed the connection'));
    if (byteCount === 0) throw this.broken;
    this.#offset += byteCount;
    return byteCount;
  }

  async #speak(): Promise<void> {
    const { greeting, transport, writer, state } = this.#options;
    try {
      if (greeting !== undefined) await transport.write([writer.frame(greeting)]);
      while (this.#cause === undefined) {
        const saying = state.next() ?? (this.#isBeatDue ? state.signOfLife() : undefined);
        if (saying === undefined) await this.#bell.next();
        else await this.#say(saying);
      }
    } catch (error) {
      this.#break(error);
    }
  }

  async #say(saying: Saying): Promise<void> {
    const { transport, writer, state, onProgress } = this.#options;
    this.#isBeatDue = false;
    this.#hasSpoken = true;
    const frame = writer.frame(saying.frame);
    // Before the bytes are taken: the other side may confirm them before this one knows that they have gone.
    state.gave(saying);
    await transport.write(saying.bytes === undefined ? [frame] : [frame, saying.bytes]);
    if (saying.frame.type === 'data') this.#handed = saying.frame.at + saying.frame.byteCount;
    onProgress();
  }

  /** Shows that this side lives, and looks whether the other one does. */
  async #beat(): Promise<void> {
    const { clock, silenceMs, peerSilenceMs } = this.#options;
    const everyMs = Math.max(BEAT_MIN_MS, Math.min(silenceMs, peerSilenceMs) / BEATS_PER_SILENCE);
    for (;;) {
      await clock.after(everyMs, this.#over.signal);
      if (this.#cause !== undefined) return;
      const silentMs = (clock.nowNs() - (this.#readingSinceNs ?? clock.nowNs())) / NS_PER_MS;
      if (silentMs >= silenceMs) {
        this.#break(new Error(`it said nothing for ${Math.round(silentMs)} ms`));
        return;
      }
      this.#isBeatDue = !this.#hasSpoken;
      this.#hasSpoken = false;
      if (this.#isBeatDue) this.#bell.ring();
    }
  }

  /** Only the first cause counts. */
  #break(error: unknown): void {
    if (this.#cause !== undefined) return;
    this.#cause = { error };
    this.#over.abort('over');
    this.#bell.ring();
    // Settles a read or a write that waits.
    void this.#options.transport.destroy();
    this.#options.onProgress();
  }

  /** What broke the connection, once something has. */
  get broken(): unknown {
    return this.#cause?.error;
  }
}
