import type { Clock } from '../clock.ts';

/** How long to wait for the other side before it counts as lost (I-6). Each in milliseconds. */
export interface PeerTimeouts {
  /** From the connection to the HELLO of the other side. */
  readonly helloMs: number;
  /** For one write to be taken: a batch of a few MiB. */
  readonly writeMs: number;
  /** Without a byte from the source. A limiter may make a source silent for a while. */
  readonly silenceMs: number;
  /** From END to ACK: the destination checks and stores the image, and an oracle may look at it. */
  readonly ackMs: number;
}

export const peerTimeouts: PeerTimeouts = {
  helloMs: 10_000,
  writeMs: 120_000,
  silenceMs: 600_000,
  ackMs: 600_000,
};

/** For a last word, and for hearing the last word of the other side: a round trip of a slow network. */
export const LAST_WORD_MS = 2000;

/** What a destination reads and drops after it has refused, so that the source reads why instead of a reset connection. */
export const DRAIN_MAX_BYTES = 64 * 1024 * 1024;

/** `work`, or what `onTimeout` makes when it takes longer than `limitMs`; `work` then goes on unobserved. */
export async function within<T>(
  clock: Clock,
  limitMs: number,
  work: Promise<T>,
  onTimeout: () => Error,
): Promise<T> {
  const over = new AbortController();
  const late = async (): Promise<never> => {
    await clock.after(limitMs, over.signal);
    // The work was done in time: an error, and its stack, would be made for nobody.
    if (over.signal.aborted) return await new Promise<never>(() => undefined);
    throw onTimeout();
  };
  const lateness = late();
  lateness.catch(() => {});
  work.catch(() => {});
  try {
    return await Promise.race([work, lateness]);
  } finally {
    // A reason, because without one each abort makes an exception with its stack.
    over.abort('over');
  }
}
