import type { ByteSource } from '../source.ts';

/**
 * A connection, e.g. a TCP socket: bytes in both directions, in order, and an end in each.
 *
 * Ordering: at most one `read` and one `write` at a time.
 */
export interface Transport extends ByteSource {
  /** As `Sink.write`: takes all bytes, resolves when the buffers may be reused. Rejects when the connection is lost. */
  write(iovecs: readonly Uint8Array[]): Promise<void>;
  /** Nothing more will be written; reading goes on. Resolves when what was written is on its way. */
  end(): Promise<void>;
  /**
   * Gives the connection away, for a thread that works without JavaScript: a descriptor, which is the caller's. Nothing can be read or written
   * here any more, and bytes that came and were not read are lost. Not while a read or write is under way. Undefined when it cannot
   * be had; then nothing has changed. Absent where the bytes on the way are not those that are written (TLS, sessions).
   */
  giveAway?(): Promise<number | undefined>;
  /** Drops the connection at once. Settles everything that is pending and resolves when no buffer is used any more. Idempotent. */
  destroy(): Promise<void>;
}
