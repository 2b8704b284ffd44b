/* oxlint-disable no-await-in-loop -- waits for one change after the other */
import { PageStreamError } from '@stillframe/page-stream';
import { SnapshotError } from '../error.ts';
import type { Transport } from '../peer/transport.ts';
import { asStreamFailure } from '../stream-failure.ts';
import { Bell } from './bell.ts';
import type { SessionLink } from './session-link.ts';
import { OffsetError, SessionState } from './session-state.ts';

const DRAIN_BYTES = 64 * 1024;

export interface SessionOptions {
  readonly windowBytes: number;
  /** See SessionState. */
  readonly confirmEveryBytes?: number;
  /** The connection was lost and nothing of it is used any more: whoever made the session finds another, or gives up. */
  readonly onParted: (error: unknown) => void;
  /** The user of the session has gone, whatever was heard of it. */
  readonly onDestroyed: () => void;
}

/**
 * A transport that outlives its connections. While there is none, reads and writes wait; writes up to the window do not even notice.
 *
 * Ownership: of each link that it is given. Lifetime: the session and what its reader makes of the bytes live in one process, so bytes
 * count as received when they are handed to the reader: whatever loses the one loses the other.
 */
export class Session implements Transport {
  readonly state: SessionState;
  readonly #options: SessionOptions;
  readonly #bell = new Bell();
  #link: SessionLink | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isEnding = false;
  #isDestroyed = false;
  #handed = 0;
  #reading: Promise<unknown> = Promise.resolve();
  #parting: Promise<void> = Promise.resolve();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.state = new SessionState(options.windowBytes, options.confirmEveryBytes);
  }

  get isLinked(): boolean {
    return this.#link !== undefined;
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  /** Its last words were said, and nobody has shown that they were heard. */
  get isUnheard(): boolean {
    const { window, peerFinished } = this.state;
    return this.#isEnding && !peerFinished && window.confirmed < window.end;
  }

  /** For the links. */
  readonly onProgress = (): void => {
    const link = this.#link;
    if (link !== undefined) {
      this.#handed = Math.max(this.#handed, link.handed, this.state.window.confirmed);
      if (link.broken !== undefined) void this.#part(link, link.broken);
    }
    this.#bell.ring();
  };

  /** The next connection; `state.attach` was called for it. */
  attach(link: SessionLink): void {
    this.#link = link;
    if (this.#isDestroyed) void this.#hearOut(link);
    this.onProgress();
  }

  /** Lets go of the connection that there is, because another one takes its place. */
  async detach(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    await link?.destroy(new Error('another connection has taken its place'));
    await this.#parting;
  }

  /** There will be no other connection: everything that waits fails with `error`. */
  giveUp(error: unknown): void {
    this.#failure ??= { error };
    void this.detach();
    this.#bell.ring();
  }

  async read(into: Uint8Array): Promise<number> {
    const before = this.#reading;
    const reading = this.#readAfter(before, into);
    this.#reading = reading.catch(() => undefined);
    return await reading;
  }

  async write(iovecs: readonly Uint8Array[]): Promise<void> {
    const { window } = this.state;
    for (const iovec of iovecs) {
      for (let at = 0; at < iovec.byteLength; ) {
        this.#check();
        at += window.put(iovec.subarray(at));
        if (at === iovec.byteLength) break;
        this.#link?.speak();
        await this.#bell.next();
      }
    }
    const { end } = window;
    this.#link?.speak();
    // As slow as the connection is: whoever writes measures that.
    while (this.#handed < end && window.confirmed < end) {
      this.#check();
      await this.#bell.next();
    }
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    this.state.finish();
    this.#link?.speak();
    while (!this.state.isFinishSaid) {
      this.#check();
      await this.#bell.next();
    }
    // Whoever closes a connection with unread bytes resets it, and takes its own last words back.
    await this.#readToEnd();
  }

  /**
   * Says that nothing more comes, in the middle of whatever it was, so that the other side does not wait for another connection. Resolves when the
   * other side has closed this one, or when there is none. Waits as long as the other side reads: whoever calls it has a limit.
   */
  async leave(): Promise<void> {
    if (this.state.isFinishSaid || !this.isLinked) return;
    this.state.leave();
    this.#link?.speak();
    // As in `end`: unread bytes would take the last word back.
    void this.#readToEnd().catch(() => undefined);
    while (this.isLinked && !this.state.peerFinished && !this.#isDestroyed) await this.#bell.next();
  }

  async #readToEnd(): Promise<void> {
    const scratch = new Uint8Array(DRAIN_BYTES);
    while (!this.state.peerFinished && !this.#isDestroyed && (await this.read(scratch)) > 0);
  }

  async destroy(): Promise<void> {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#bell.ring();
    await this.detach();
    await this.#reading;
    this.#options.onDestroyed();
  }

  async #readAfter(before: Promise<unknown>, into: Uint8Array): Promise<number> {
    await before;
    for (;;) {
      if (this.#isDestroyed || this.state.peerFinished) return 0;
      if (this.#failure !== undefined) throw this.#failure.error;
      const link = this.#link;
      if (link === undefined) {
        await this.#bell.next();
        continue;
      }
      try {
        return await link.read(into);
      } catch (error) {
        await this.#part(link, error);
      }
    }
  }

  async #part(link: SessionLink, error: unknown): Promise<void> {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#parting = this.#letGo(link, error);
    await this.#parting;
  }

  async #letGo(link: SessionLink, error: unknown): Promise<void> {
    await link.destroy(error);
    if (this.#isDestroyed || this.#failure !== undefined) return;
    if (error instanceof OffsetError || error instanceof PageStreamError) this.giveUp(asCorrupt(error));
    else this.#options.onParted(error);
  }

  /** Nobody reads any more, but the other side should learn how it ended. */
  async #hearOut(link: SessionLink): Promise<void> {
    const scratch = new Uint8Array(DRAIN_BYTES);
    try {
      while (this.isUnheard && (await link.read(scratch)) > 0);
    } catch {
      // It may come again.
    }
    if (this.#link === link) await this.detach();
    this.#options.onDestroyed();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#isDestroyed) throw new Error('the session is closed');
  }
}

export function asCorrupt(error: OffsetError | PageStreamError): unknown {
  if (error instanceof PageStreamError) return asStreamFailure(error);
  return new SnapshotError('corrupt-stream', `the two sides do not mean the same bytes: ${error.message}`, {
    hint: 'Nothing was kept. One of the two sides is wrong: use the same release on both.',
    cause: error,
  });
}
