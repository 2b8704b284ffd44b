/* oxlint-disable no-await-in-loop -- one attempt after the other */
import type { SessionTicket } from '@stillframe/page-stream';
import { PageStreamError } from '@stillframe/page-stream';
import { type Clock, monotonicClock } from '../clock.ts';
import { SnapshotError } from '../error.ts';
import { LAST_WORD_MS, within } from '../peer/limits.ts';
import type { Transport } from '../peer/transport.ts';
import { Backoff, DEFAULT_RETRY_BUDGET_MS } from './backoff.ts';
import { DESTINATION_WINDOW_BYTES, LINK_SILENCE_MS, SOURCE_WINDOW_BYTES } from './limits.ts';
import { asCorrupt, Session } from './session.ts';
import { SessionLink } from './session-link.ts';
import { OffsetError } from './session-state.ts';
import { type Handshake, SessionRefused, shakeHands } from './shake-hands.ts';

/** So that a destination which asks for many pages never waits for a confirmation. */
const CONFIRMATIONS_PER_WINDOW = 4;

const NS_PER_MS = 1_000_000;

/** What becomes of the connection of a session. */
export type LinkEvent =
  | {
      readonly type: 'link';
      readonly state: 'lost';
      readonly reason: string;
      readonly attempt: number;
      readonly retryInMs: number;
    }
  | { readonly type: 'link'; readonly state: 'back'; readonly offlineMs: number; readonly reconnects: number }
  | { readonly type: 'link'; readonly state: 'given-up'; readonly reason: string };

/** What a session cost so far. */
export interface LinkNumbers {
  readonly linked: boolean;
  readonly reconnects: number;
  /** Bytes that were said more than once, because they were lost on their way. */
  readonly resentBytes: number;
  /** Time without a connection. */
  readonly offlineMs: number;
}

export interface SourceSessionOptions {
  /** Makes a connection; the session's from then on. */
  readonly connect: (signal: AbortSignal) => Promise<Transport>;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** 0 to below 1. */
  readonly random?: () => number;
  /** Time without a connection, in sum, after which the source gives up; 60 s when not given. */
  readonly budgetMs?: number;
  readonly silenceMs?: number;
  readonly windowBytes?: number;
  /** Whether trying again could help after `connect` has rejected with `error`; it could when not given. */
  readonly isFinal?: (error: unknown) => boolean;
  readonly onEvent?: (event: LinkEvent) => void;
}

export interface SourceSession extends Transport {
  link(): LinkNumbers;
}

/**
 * A connection that comes back: what a break has lost is sent again, and nothing else is. For `streamToPeer`, whose `writeMs` and
 * `ackMs` should be longer than `budgetMs`.
 *
 * Ordering: a read has to be waiting while bytes are written, because what the destination confirms is taken by it; a window that nobody
 * hears confirmed stays full.
 *
 * Resolves when the destination has granted a session. Rejects with what `connect` rejects with, and with `peer-lost`, `peer-refused`,
 * `version-mismatch` or `corrupt-stream`; there is no second attempt before there is a session.
 */
export async function openSession(options: SourceSessionOptions): Promise<SourceSession> {
  const source = new ReconnectingSource(options);
  await source.open();
  return source.asTransport();
}

class ReconnectingSource {
  readonly #options: SourceSessionOptions;
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #session: Session;
  readonly #backoff: Backoff;
  readonly #over = new AbortController();
  #ticket: SessionTicket | undefined;
  #reconnects = 0;
  #lostAtNs: number | undefined;
  #confirmedAtLoss = 0;

  constructor(options: SourceSessionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? monotonicClock;
    this.#silenceMs = options.silenceMs ?? LINK_SILENCE_MS;
    this.#backoff = new Backoff(options.budgetMs ?? DEFAULT_RETRY_BUDGET_MS, options.random ?? Math.random);
    this.#session = new Session({
      windowBytes: options.windowBytes ?? SOURCE_WINDOW_BYTES,
      confirmEveryBytes: DESTINATION_WINDOW_BYTES / CONFIRMATIONS_PER_WINDOW,
      onParted: (error) => void this.#reconnect(error),
      onDestroyed: () => this.#over.abort('over'),
    });
  }

  asTransport(): SourceSession {
    const session = this.#session;
    return {
      read: (into) => session.read(into),
      write: (iovecs) => session.write(iovecs),
      end: () => session.end(),
      destroy: () => this.#leave(),
      link: () => this.#numbers(),
    };
  }

  /** No new connection from here on; the destination hears that, where there is one. */
  async #leave(): Promise<void> {
    this.#over.abort('over');
    await within(this.#clock, LAST_WORD_MS, this.#session.leave(), doesNotRead).catch(() => undefined);
    await this.#session.destroy();
  }

  async open(): Promise<void> {
    const signal = this.#options.signal ?? new AbortController().signal;
    const transport = await this.#options.connect(signal);
    try {
      const first = { type: 'open', silenceMs: this.#silenceMs } as const;
      const handshake = await shakeHands(transport, first, { clock: this.#clock });
      if (handshake.answer.type !== 'granted') throw new OffsetError('it resumes what was not begun');
      const { id, token } = handshake.answer;
      this.#ticket = { id, token };
      this.#attach(transport, handshake, 0);
    } catch (error) {
      await transport.destroy();
      throw asFailure(error);
    }
  }

  #attach(transport: Transport, { answer, reader, writer }: Handshake, peerReceived: number): void {
    const { state, onProgress } = this.#session;
    state.attach(peerReceived);
    const peerSilenceMs = 'silenceMs' in answer ? answer.silenceMs : this.#silenceMs;
    const link = new SessionLink({
      transport,
      clock: this.#clock,
      state,
      reader,
      writer,
      silenceMs: this.#silenceMs,
      peerSilenceMs,
      onProgress,
    });
    this.#session.attach(link);
  }

  async #reconnect(broken: unknown): Promise<void> {
    const { window } = this.#session.state;
    // A connection that brought nothing is no new one: the waits go on growing.
    if (window.confirmed > this.#confirmedAtLoss || this.#reconnects === 0) this.#backoff.progressed();
    this.#confirmedAtLoss = window.confirmed;
    this.#lostAtNs = this.#clock.nowNs();
    let spentUntilNs = this.#lostAtNs;
    let reason = messageOf(broken);
    for (let attempt = 1; !this.#over.signal.aborted; attempt++) {
      const retryInMs = this.#backoff.next();
      if (retryInMs === undefined) return this.#giveUp(reason);
      this.#tell({ type: 'link', state: 'lost', reason, attempt, retryInMs });
      await this.#clock.after(retryInMs, this.#over.signal);
      const outcome = this.#over.signal.aborted ? undefined : await this.#attempt();
      const nowNs = this.#clock.nowNs();
      this.#backoff.spent((nowNs - spentUntilNs) / NS_PER_MS);
      spentUntilNs = nowNs;
      if (outcome === 'linked' || outcome === 'over' || outcome === undefined) return;
      reason = outcome.reason;
    }
  }

  async #attempt(): Promise<'linked' | 'over' | { readonly reason: string }> {
    let transport: Transport | undefined;
    try {
      transport = await this.#options.connect(this.#over.signal);
      const { received } = this.#session.state;
      const first = { type: 'resume', received, silenceMs: this.#silenceMs, ...this.#ticket! } as const;
      const handshake = await shakeHands(transport, first, { clock: this.#clock });
      if (this.#over.signal.aborted) throw new Error('closed meanwhile');
      if (handshake.answer.type !== 'resumed') throw new OffsetError('it begins what should go on');
      this.#attach(transport, handshake, handshake.answer.received);
      this.#reconnects++;
      const offlineMs = (this.#clock.nowNs() - (this.#lostAtNs ?? 0)) / NS_PER_MS;
      this.#lostAtNs = undefined;
      this.#tell({ type: 'link', state: 'back', offlineMs, reconnects: this.#reconnects });
      return 'linked';
    } catch (error) {
      await transport?.destroy();
      if (!this.#isFinal(error)) return { reason: messageOf(error) };
      this.#giveUpWith(error);
      return 'over';
    }
  }

  #isFinal(error: unknown): boolean {
    const isAnswer =
      error instanceof SessionRefused || error instanceof OffsetError || error instanceof PageStreamError;
    return isAnswer || this.#options.isFinal?.(error) === true;
  }

  #giveUp(reason: string): void {
    const seconds = Math.round(this.#backoff.spentMs / 100) / 10;
    this.#giveUpWith(new Error(`${reason}; it did not come back in ${seconds} s`));
  }

  #giveUpWith(error: unknown): void {
    this.#tell({ type: 'link', state: 'given-up', reason: messageOf(error) });
    this.#session.giveUp(
      error instanceof OffsetError || error instanceof PageStreamError ? asCorrupt(error) : error,
    );
  }

  #numbers(): LinkNumbers {
    const current = this.#lostAtNs === undefined ? 0 : (this.#clock.nowNs() - this.#lostAtNs) / NS_PER_MS;
    return {
      linked: this.#session.isLinked,
      reconnects: this.#reconnects,
      resentBytes: this.#session.state.window.resentBytes,
      offlineMs: Math.max(this.#backoff.spentMs, current),
    };
  }

  #tell(event: LinkEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** Why there is no session at all. What `connect` or the connection itself says is told as a lost destination. */
function asFailure(error: unknown): unknown {
  if (error instanceof SnapshotError) return error;
  if (error instanceof OffsetError || error instanceof PageStreamError) return asCorrupt(error);
  if (error instanceof SessionRefused) {
    return new SnapshotError('peer-refused', `the destination refused: ${error.message}`, { cause: error });
  }
  return new SnapshotError('peer-lost', `the destination was lost: ${messageOf(error)}`, {
    operands: { stage: 'hello', imageMayBeComplete: false },
    hint: 'The guest was not touched. Is a `migrate dest` of this release listening there?',
    cause: error,
  });
}

function doesNotRead(): Error {
  return new Error('it does not read');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
