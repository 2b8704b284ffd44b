import { ChunkUnpacker } from './chunk-unpacker.ts';
import { PageStreamError } from './error.ts';
import { FRAME_HEADER_BYTES } from './frame-header.ts';
import { type ChunkKind, type ChunkRun, type ChunkTable, isBare } from './layout/chunks.ts';
import type { StreamLimits } from './limits.ts';
import type { PageMap } from './page-map.ts';
import type { PageReader } from './page-reader.ts';
import { Recent } from './recent.ts';
import { blocksOf, type StoredBlock } from './stored-block.ts';
import type { StoredFrames } from './stored-frames.ts';
import type { StoredHead } from './stored-head.ts';
import { readTable, type StoredTable } from './stored-tables.ts';
import { pad8 } from './u64.ts';

/** Run tables that are kept, counted in runs, about 150 bytes each. */
const RECENT_RUNS = 65_536;

/** Unpacked chunks that are kept, in bytes: a page is seldom read without its neighbours. */
const RECENT_BYTES = 8 * 1024 * 1024;

/** Where a page is stored. */
export interface PagePlace {
  readonly frameOffset: number;
  readonly kind: ChunkKind;
  /** The run that has it, and the bytes that were stored for all of the run. */
  readonly firstPage: number;
  readonly pageCount: number;
  readonly storedBytes: number;
}

/** A run that has a page, whichever frame type it came in. */
interface Found {
  readonly stored: StoredTable;
  readonly index: number;
  readonly kind: ChunkKind;
  readonly firstPage: number;
  readonly pageCount: number;
}

export interface StoredPagesParts {
  readonly frames: StoredFrames;
  readonly head: StoredHead;
  readonly limits: StreamLimits;
  readonly parent: PageReader | undefined;
  /** See `OpenOptions`. */
  readonly isTrusted: boolean;
  /** The map as it is now. */
  readonly map: () => PageMap;
}

/** The pages that a map leads to. Everything is checked up to the checksum of the chunk, and nothing is believed of the map. */
export class StoredPages implements PageReader {
  readonly #frames: StoredFrames;
  readonly #limits: StreamLimits;
  readonly #head: StoredHead;
  readonly #parent: PageReader | undefined;
  readonly #isTrusted: boolean;
  readonly #unpacker: ChunkUnpacker;
  readonly #tables = new Recent<StoredTable>(RECENT_RUNS);
  readonly #chunks = new Recent<Uint8Array>(RECENT_BYTES);
  readonly #map: () => PageMap;
  #isSource = false;

  constructor({ frames, head, limits, parent, isTrusted, map }: StoredPagesParts) {
    this.#frames = frames;
    this.#head = head;
    this.#limits = limits;
    this.#parent = parent;
    this.#isTrusted = isTrusted;
    this.#map = map;
    this.#unpacker = new ChunkUnpacker(frames.codec, {
      earlier: { readPages: (region, page, pages) => this.#readSource(region, page, pages) },
      parent,
    });
  }

  /** Throws RangeError for a page that does not exist, PageStreamError for one that is damaged. */
  locate(region: number, page: number): PagePlace {
    const { stored, index, kind, firstPage, pageCount } = this.#find(region, page);
    const storedBytes =
      stored.type === 'chunks'
        ? stored.table.runs[index]!.storedBytes
        : kind === 'zero'
          ? 0
          : pageCount * this.#head.regions[region]!.pageSize;
    return { frameOffset: stored.header.offset, kind, firstPage, pageCount, storedBytes };
  }

  /** What the frame that has the page holds unpacked. Throws as `locate`. */
  blocksAt(region: number, page: number): StoredBlock[] {
    return blocksOf(this.#find(region, page).stored);
  }

  /** Fills `pages`, a whole number of pages, from page `firstPage` on. Throws as `locate`; `pages` may be partly filled then. */
  readPages(region: number, firstPage: number, pages: Uint8Array): void {
    const pageSize = this.#head.regions[region]?.pageSize;
    if (pageSize === undefined) throw new RangeError(`no region ${region}`);
    const end = firstPage + pages.length / pageSize;
    for (let page = firstPage; page < end; ) {
      const found = this.#find(region, page);
      const stop = Math.min(end, found.firstPage + found.pageCount);
      const to = pages.subarray((page - firstPage) * pageSize, (stop - firstPage) * pageSize);
      this.#readRun(found, region, page, to);
      page = stop;
    }
  }

  /** Part of one run, from `page` on. */
  #readRun({ stored, index, firstPage }: Found, region: number, page: number, to: Uint8Array): void {
    const { pageSize } = this.#head.regions[region]!;
    const skipped = (page - firstPage) * pageSize;
    if (stored.type === 'pages') {
      const { runs, dataStart } = stored.table;
      if (runs[index]!.kind === 'zero') {
        to.fill(0);
        return;
      }
      let at = dataStart + skipped;
      for (const run of runs.slice(0, index)) if (run.kind === 'data') at += run.pageCount * pageSize;
      to.set(stored.payload.bytes.subarray(at, at + to.length));
      return;
    }
    const run = stored.table.runs[index]!;
    if (isBare(run.kind)) {
      const part = { ...run, firstPage: page, sourcePage: run.sourcePage + (page - firstPage) };
      if (run.kind === 'parent') this.#needParent(stored.header.offset);
      this.#unpacker.unpack(region, part, new Uint8Array(), to);
      return;
    }
    if (this.#isTrusted && run.kind === 'data' && to.length < run.storedBytes) {
      to.set(this.#frames.bytes(placeOf(stored.table, stored.header.offset, index) + skipped, to.length));
      return;
    }
    if (run.kind === 'data' && to.length === run.storedBytes) {
      // All of it, so there is nothing to keep for later.
      to.set(this.#stored(run, placeOf(stored.table, stored.header.offset, index)));
      return;
    }
    to.set(this.#chunk(stored.table, stored.header.offset, index).subarray(skipped, skipped + to.length));
  }

  /** All pages of a run that has stored bytes. */
  #chunk(table: ChunkTable, frameOffset: number, index: number): Uint8Array {
    const at = placeOf(table, frameOffset, index);
    const known = this.#chunks.get(at);
    if (known) return known;
    const run = table.runs[index]!;
    const stored = this.#stored(run, at);
    const pages = new Uint8Array(run.pageCount * table.region.pageSize);
    this.#expectReadable(run, at);
    if (!this.#unpacker.unpack(table.region.id, run, stored, pages)) {
      throw new PageStreamError(
        'STREAM_UNPACK',
        at,
        `${run.storedBytes} bytes of a ${run.kind} run do not unpack`,
      );
    }
    this.#chunks.set(at, pages, pages.length);
    return pages;
  }

  /** The stored bytes of a run, their checksum right; valid until the next read. */
  #stored(run: ChunkRun, at: number): Uint8Array {
    const stored = this.#frames.bytes(at, run.storedBytes);
    if (this.#frames.codec.crc32c(stored) === run.storedCrc) return stored;
    throw new PageStreamError('STREAM_PAYLOAD_CRC', at, `stored CRC mismatch in a ${run.kind} run`);
  }

  #expectReadable({ kind }: ChunkRun, at: number): void {
    if (kind.startsWith('delta')) this.#needParent(at);
    if (kind.endsWith('zstd') && !this.#frames.codec.unpackZstd) {
      throw new PageStreamError('STREAM_FEATURE', at, 'the codec cannot unpack zstd');
    }
  }

  #needParent(at: number): void {
    if (this.#parent) return;
    throw new PageStreamError('STREAM_PARENT', at, 'this page needs the parent, which was not given');
  }

  /** Pages that a same-as run refers to: never those of another one. */
  #readSource(region: number, page: number, pages: Uint8Array): void {
    if (this.#isSource) {
      throw new PageStreamError(
        'STREAM_BAD_VALUE',
        this.#find(region, page).stored.header.offset,
        'a chain of same-as runs',
      );
    }
    this.#isSource = true;
    try {
      this.readPages(region, page, pages);
    } finally {
      this.#isSource = false;
    }
  }

  #find(region: number, page: number): Found {
    const entry = this.#map().find(region, page);
    if (entry !== undefined) return this.#findInFrame(region, page, entry.frameOffset);
    const { regions } = this.#head;
    const pages = regions[region] === undefined ? 0 : regions[region].sizeBytes / regions[region].pageSize;
    if (!(page >= 0 && page < pages)) throw new RangeError(`no page ${page} in region ${region}`);
    const message = `page ${page} of region ${region} is not in any frame`;
    throw new PageStreamError('STREAM_PAGES_MISSING', this.#frames.sizeBytes, message);
  }

  #findInFrame(region: number, page: number, frameOffset: number): Found {
    const stored = this.#table(frameOffset);
    const has = (run: { firstPage: number; pageCount: number }) =>
      page >= run.firstPage && page < run.firstPage + run.pageCount;
    const index = stored.table.region.id === region ? stored.table.runs.findIndex(has) : -1;
    const run = stored.table.runs[index];
    if (run === undefined) {
      const message = `the frame does not have page ${page} of region ${region}`;
      throw new PageStreamError('STREAM_BAD_VALUE', frameOffset, message);
    }
    return { stored, index, kind: run.kind, firstPage: run.firstPage, pageCount: run.pageCount };
  }

  #table(frameOffset: number): StoredTable {
    const known = this.#tables.get(frameOffset);
    if (known) return known;
    const stored = readTable(this.#frames, this.#frames.header(frameOffset), this.#head, this.#limits);
    const payload = stored.type === 'pages' ? stored.payload.length / 128 : 0;
    this.#tables.set(frameOffset, stored, stored.table.runs.length + payload);
    return stored;
  }
}

/** Where the stored bytes of a run begin. */
function placeOf({ runs, dataStart }: ChunkTable, frameOffset: number, index: number): number {
  let at = frameOffset + FRAME_HEADER_BYTES + dataStart;
  for (let before = 0; before < index; before++) at += pad8(runs[before]!.storedBytes);
  return at;
}
