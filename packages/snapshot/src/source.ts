/** Where a stream comes from. */
export interface ByteSource {
  /** Reads 1 to `into.byteLength` bytes to the start of `into`; resolves to how many, 0 at the end. One call at a time. */
  read(into: Uint8Array): Promise<number>;
}

/** A source that reads from chunks, e.g. a Node stream. Chunks are copied once, into the reader's buffer. */
export function sourceOf(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): ByteSource {
  const iterator =
    Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  let rest: Uint8Array = new Uint8Array(0);
  return {
    async read(into) {
      while (rest.byteLength === 0) {
        // oxlint-disable-next-line no-await-in-loop -- empty chunks are rare and have to be passed over in order
        const next = await iterator.next();
        if (next.done === true) return 0;
        rest = next.value;
      }
      const taken = Math.min(rest.byteLength, into.byteLength);
      into.set(rest.subarray(0, taken));
      rest = rest.subarray(taken);
      return taken;
    },
  };
}
