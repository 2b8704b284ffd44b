/** Matches are at least this long. */
const MIN_MATCH = 4;

/** A block ends with this many literals or more, and no match starts less than MATCH_LIMIT bytes before its end ("End of block"). */
const LAST_LITERALS = 5;
const MATCH_LIMIT = 12;

/** A 4-bit length of this value goes on in further bytes. */
const LONG = 15;

/**
 * Unpacks one LZ4 block (lz4_Block_format.md of LZ4): plain, for streams without a native codec and as the check of one.
 *
 * True when all of `stored` was used and `pages` is full. Reads and writes nothing beyond either, whatever the bytes.
 */
export function unpackLz4(stored: Uint8Array, pages: Uint8Array): boolean {
  let from = 0;
  let to = 0;
  /** The rest of a length whose first part was LONG; NaN when the bytes end. */
  const more = (): number => {
    let sum = 0;
    for (;;) {
      const byte = stored[from++];
      if (byte === undefined) return Number.NaN;
      sum += byte;
      if (byte !== 255) return sum;
    }
  };
  for (;;) {
    const token = stored[from++];
    if (token === undefined) return false;
    let literals = token >>> 4;
    if (literals === LONG) literals += more();
    // Written so that NaN fails as well.
    if (!(literals <= stored.length - from && literals <= pages.length - to)) return false;
    pages.set(stored.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === stored.length) return to === pages.length;
    if (to > pages.length - MATCH_LIMIT) return false;
    const low = stored[from++];
    const high = stored[from++];
    if (low === undefined || high === undefined) return false;
    const distance = low | (high << 8);
    if (distance === 0 || distance > to) return false;
    let length = token & 15;
    if (length === LONG) length += more();
    length += MIN_MATCH;
    if (!(length <= pages.length - LAST_LITERALS - to)) return false;
    // Byte by byte: source and target overlap when the distance is short.
    for (const end = to + length; to < end; to++) pages[to] = pages[to - distance]!;
  }
}
