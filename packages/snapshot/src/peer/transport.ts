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
  /** Drops the connection at once. Settles everything that is pending and resolves when no buffer is used any more. Idempotent. */
  destroy(): Promise<void>;
}
