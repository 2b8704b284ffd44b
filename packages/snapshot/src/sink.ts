/**
 * Where the page stream goes. Implementations pass `sinkCompliance` in `@stillframe/snapshot/compliance`.
 *
 * Ordering: there is at most one `write` or `end` at a time; `abort` may come at any time, also while one of them is pending.
 */
export interface Sink {
  /**
   * Takes all bytes of `iovecs`, in order. Resolves when the buffers may be reused; the array and the buffers belong to the sink until
   * then. Any number of buffers, of any length, also empty ones.
   */
  write(iovecs: readonly Uint8Array[]): Promise<void>;
  /** No more bytes. Resolves when the image is complete where it belongs: durable and under its final name, or acknowledged by the peer. */
  end(): Promise<void>;
  /**
   * Drops everything that was written (I-7). Settles a pending `write` or `end` and resolves when no buffer is used any more; never
   * waits for the other side of the sink. Idempotent; after `end` has resolved it does nothing.
   */
  abort(reason: unknown): Promise<void>;
}

/** Takes everything and keeps nothing. */
export function nullSink(): Sink & { readonly bytes: number } {
  let bytes = 0;
  let state: 'open' | 'ended' | 'aborted' = 'open';
  return {
    get bytes() {
      return bytes;
    },
    async write(iovecs) {
      assertOpen(state);
      for (const iovec of iovecs) bytes += iovec.byteLength;
    },
    async end() {
      assertOpen(state);
      state = 'ended';
    },
    async abort() {
      if (state === 'open') state = 'aborted';
    },
  };
}

export interface MemorySink extends Sink {
  /** The complete image, or undefined until `end` has resolved and after an abort. */
  image(): Uint8Array | undefined;
}

/** Collects the stream in memory. */
export function memorySink(options: { readonly maxBytes: number }): MemorySink {
  if (!Number.isSafeInteger(options.maxBytes) || options.maxBytes < 0) {
    throw new RangeError(`maxBytes must be a whole number of bytes, got ${options.maxBytes}`);
  }
  let chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  let state: 'open' | 'ended' | 'aborted' = 'open';
  let whole: Uint8Array | undefined;
  return {
    async write(iovecs) {
      assertOpen(state);
      for (const iovec of iovecs) {
        if (sizeBytes + iovec.byteLength > options.maxBytes) {
          throw new Error(`the image is larger than maxBytes (${options.maxBytes})`);
        }
        chunks.push(iovec.slice());
        sizeBytes += iovec.byteLength;
      }
    },
    async end() {
      assertOpen(state);
      state = 'ended';
      whole = new Uint8Array(sizeBytes);
      let at = 0;
      for (const chunk of chunks) {
        whole.set(chunk, at);
        at += chunk.byteLength;
      }
      chunks = [];
    },
    async abort() {
      if (state !== 'open') return;
      state = 'aborted';
      chunks = [];
    },
    image: () => whole,
  };
}

function assertOpen(state: 'open' | 'ended' | 'aborted'): void {
  if (state !== 'open') throw new Error(`the sink is ${state}`);
}
