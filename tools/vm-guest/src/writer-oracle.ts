const PAGE_BYTES = 4096;
const WORD_BYTES = 8;
/** "stsfpage" and "msftable" as little-endian words. */
const PAGE_MAGIC = 0x6567617066737473n;
const TABLE_MAGIC = 0x656c62617466736dn;
/** Offsets in a page of the buffer, and in the table; guest/init.c has the structures. */
const INDEX_AT = 8;
const HEAD_AT = 16;
const TAIL_AT = PAGE_BYTES - WORD_BYTES;
const PAGES_AT = 8;
const NEWEST_AT = 16;

export interface WriterFinding {
  readonly pages: number;
  /** The newest stamp that was begun. */
  readonly newest: number;
}

/**
 * Whether memory of the test machine shows one instant of its writer: there is one number such that each page has the newest of its stamps
 * up to it. The stamp under way may be absent, half there, or there; no other may be half there.
 *
 * Throws an Error that says what is wrong.
 */
export function checkWriter(ram: Uint8Array): WriterFinding {
  const view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
  const found = new Map<number, { head: number; tail: number }>();
  let table: { pages: number; newest: number } | undefined;
  for (let at = 0; at < ram.byteLength; at += PAGE_BYTES) {
    const magic = view.getBigUint64(at, true);
    if (magic === TABLE_MAGIC) {
      if (table !== undefined) throw new Error('two pages are the table');
      table = { pages: word(view, at + PAGES_AT), newest: word(view, at + NEWEST_AT) };
    } else if (magic === PAGE_MAGIC) {
      const index = word(view, at + INDEX_AT);
      if (found.has(index)) throw new Error(`page ${index} is there twice`);
      found.set(index, { head: word(view, at + HEAD_AT), tail: word(view, at + TAIL_AT) });
    }
  }
  if (table === undefined) throw new Error('no page is the table');
  const { pages, newest } = table;
  if (found.size !== pages) throw new Error(`${found.size} of ${pages} pages are there`);
  const expected = new Float64Array(pages);
  for (let stamp = 1; stamp < newest; stamp++) expected[mixed(stamp) % pages] = stamp;
  const underWay = newest === 0 ? -1 : mixed(newest) % pages;
  for (const [index, { head, tail }] of found) {
    const before = expected[index];
    if (index === underWay) {
      const isStep =
        (head === before && tail === before) || (head === newest && (tail === before || tail === newest));
      if (isStep) continue;
    } else if (head === before && tail === before) continue;
    throw new Error(`page ${index} has ${head} and ${tail}, but at ${newest} it was ${before}`);
  }
  return { pages, newest };
}

function word(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

/** As in guest/init.c. */
function mixed(value: number): number {
  const first = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return (second ^ (second >>> 16)) >>> 0;
}
