/* oxlint-disable no-await-in-loop -- until there are enough */
import type { Transport } from '../peer/transport.ts';

/** A connection whose first bytes can be looked at before it is decided who reads it. */
export interface Opened {
  /** `byteCount` bytes, or fewer when the connection ends before; called once. Rejects when it breaks. */
  peek(byteCount: number): Promise<Uint8Array>;
  /** As if nothing had been looked at. */
  readonly transport: Transport;
  /** Everything behind the bytes that `peek` gave: for whoever took those. */
  readonly rest: Transport;
}

/** Ownership: of `inner`, through the transports that it gives. */
export function opened(inner: Transport): Opened {
  let peeked: Uint8Array = new Uint8Array(0);
  let peeking: Promise<unknown> = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  const look = async (byteCount: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(byteCount);
    for (let at = 0; at < byteCount; ) {
      const came = await inner.read(bytes.subarray(at));
      if (came === 0) break;
      at += came;
      peeked = bytes.subarray(0, at);
    }
    return peeked;
  };
  return {
    async peek(byteCount) {
      const looking = look(byteCount);
      peeking = looking.catch((error: unknown) => {
        failure = { error };
      });
      return await looking;
    },
    rest: inner,
    transport: {
      write: (iovecs) => inner.write(iovecs),
      end: () => inner.end(),
      destroy: () => inner.destroy(),
      ...(inner.giveAway === undefined ? {} : { giveAway: () => inner.giveAway!() }),
      async read(into) {
        // One read at a time: the first may still wait.
        await peeking;
        if (peeked.byteLength === 0) {
          // Whoever reads is to learn why, and not to go on behind what was lost.
          if (failure !== undefined) throw failure.error;
          return await inner.read(into);
        }
        const taken = Math.min(peeked.byteLength, into.byteLength);
        into.set(peeked.subarray(0, taken));
        peeked = peeked.subarray(taken);
        return taken;
      },
    },
  };
}
