import type { PageCodec } from './codec.ts';
import { PageStreamError } from './error.ts';
import { frameTypeName } from './frame-header.ts';
import type { ImageTotals } from './frames.ts';
import type { IndexEntry } from './layout/index-part.ts';
import { checkParent, type ParentIdentity } from './layout/parent.ts';
import { lowerLimits, type StreamLimits } from './limits.ts';
import { PageMap } from './page-map.ts';
import { type ParentImage, sameLayout } from './page-reader.ts';
import type { RegionEntry } from './page-run.ts';
import { pureCodec } from './pure-codec.ts';
import { frameEnd, type ReadAt, StoredFrames } from './stored-frames.ts';
import { expectSequence, readHead, readState, readTail, type StoredHead } from './stored-head.ts';
import { readIndex } from './stored-index.ts';
import type { StoredBlock } from './stored-block.ts';
import { type PagePlace, StoredPages } from './stored-pages.ts';
import { holdsPages, readSpans } from './stored-tables.ts';

export interface OpenOptions {
  readonly sizeBytes: number;
  /** Default `pureCodec`. */
  readonly codec?: PageCodec;
  readonly limits?: Partial<StreamLimits>;
  /** What an increment builds on, e.g. a StoredImage. Without it its own pages can be read only. */
  readonly parent?: ParentImage;
  /**
   * Single pages of a chunk that is not compressed are read alone, without its checksum: a sixteenth of the bytes. For an image that was
   * just written, as the parent of an increment: of a page that is wrong the digest of the increment would be, too. The index is read when a
   * page is asked for, which may be never.
   */
  readonly isTrusted?: boolean;
}

/** Where the pages are, and how that was found. */
interface FoundPages {
  readonly map: PageMap;
  readonly index: 'used' | 'absent' | 'damaged';
}

/**
 * A stored image of which any page can be read, without reading the others. What is read is checked up to the checksum of its chunk;
 * the digest of the whole is not, and neither is the guest state before it is asked for.
 *
 * Memory: the map (32 bytes for each stretch of pages in one frame), 8 MiB of unpacked chunks, 65,536 runs of tables. Opening an
 * image with an index reads its head, the index and END; without one the head and run table of every frame are read.
 */
export class StoredImage implements ParentImage {
  readonly regions: readonly RegionEntry[];
  readonly streamId: Uint8Array;
  readonly requiredFeatures: number;
  /** What an increment names as its parent. */
  readonly parentIdentity: ParentIdentity | undefined;
  /** What END states. */
  readonly totals: ImageTotals;
  /** Where END stands; INDEX frames, if any, stand right before it. */
  readonly endOffset: number;
  readonly #frames: StoredFrames;
  readonly #limits: StreamLimits;
  readonly #head: StoredHead;
  readonly #pages: StoredPages;
  #found: FoundPages | undefined;

  /** Use `openImage`. */
  constructor(readAt: ReadAt, options: OpenOptions) {
    const { sizeBytes, codec = pureCodec, limits, parent, isTrusted = false } = options;
    this.#limits = lowerLimits(limits);
    this.#frames = new StoredFrames(readAt, sizeBytes, codec, this.#limits);
    const { offset, ...totals } = readTail(this.#frames);
    this.totals = totals;
    this.endOffset = offset;
    this.#head = readHead(this.#frames, this.#limits);
    this.regions = this.#head.regions;
    this.streamId = this.#head.streamId;
    this.requiredFeatures = this.#head.requiredFeatures;
    this.parentIdentity = this.#head.parent;
    const checked = this.#checkedParent(parent);
    this.#pages = new StoredPages({
      frames: this.#frames,
      head: this.#head,
      limits: this.#limits,
      parent: checked,
      isTrusted,
      map: () => this.#whereabouts().map,
    });
    if (!isTrusted) this.#whereabouts();
  }

  /** Whether pages are found by the index. `damaged`: there is one that is wrong, so the frames were walked. */
  get index(): 'used' | 'absent' | 'damaged' {
    return this.#whereabouts().index;
  }

  get digest(): Uint32Array {
    return this.totals.digest;
  }

  get chainLength(): number {
    return this.parentIdentity?.chainLength ?? 0;
  }

  /** Which frame has which pages: stretches of neighbouring pages in one frame, by region and page. */
  extents(): Generator<IndexEntry> {
    return this.#whereabouts().map.entries();
  }

  /** The guest state, checked. */
  readState(): { kind: string; bytes: Uint8Array } {
    return readState(this.#frames, this.#limits);
  }

  /** Throws RangeError for a page that does not exist, PageStreamError for one that is damaged. */
  locate(region: number, page: number): PagePlace {
    return this.#trusting(() => this.#pages.locate(region, page));
  }

  /**
   * For who reads pages past us: the pieces of the frame that has this page which lie in the file as they are, with their checksums, and
   * its zeros. What is packed, the same as other pages, or the parent's, is in none. Throws as `locate`.
   */
  blocksAt(region: number, page: number): StoredBlock[] {
    return this.#trusting(() => this.#pages.blocksAt(region, page));
  }

  /** Fills `pages`, a whole number of pages, from page `firstPage` on. Throws as `locate`; `pages` may be partly filled then. */
  readPages(region: number, firstPage: number, pages: Uint8Array): void {
    this.#trusting(() => this.#pages.readPages(region, firstPage, pages));
  }

  /** The index may be wrong where the frames are right: then they are walked, once. */
  #trusting<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (this.#found?.index !== 'used' || !(error instanceof PageStreamError)) throw error;
      this.#found = { map: this.#walk(), index: 'damaged' };
      return read();
    }
  }

  #whereabouts(): FoundPages {
    if (this.#found === undefined) {
      const map = readIndex(this.#frames, this.regions, { ...this.#head, endOffset: this.endOffset });
      if (map instanceof PageMap) this.#found = { map, index: 'used' };
      else this.#found = { map: this.#walk(), index: map ?? 'absent' };
    }
    return this.#found;
  }

  /** The map from the frames themselves. */
  #walk(): PageMap {
    const map = new PageMap();
    let sequence: number | undefined;
    for (let offset = this.#head.pagesStart; offset < this.endOffset; ) {
      const header = this.#frames.header(offset);
      if (sequence !== undefined) expectSequence(header, sequence);
      sequence = header.sequence + 1;
      if (holdsPages(header)) {
        const { region, runs } = readSpans(this.#frames, header, this.#head, this.#limits);
        for (const { firstPage, pageCount } of runs) map.add(region.id, firstPage, pageCount, offset);
      }
      if (header.known && !holdsPages(header)) {
        throw new PageStreamError(
          'STREAM_UNEXPECTED_FRAME',
          offset,
          `${frameTypeName(header.type)} among the pages`,
        );
      }
      offset = frameEnd(header);
      if (offset > this.endOffset) {
        throw new PageStreamError('STREAM_UNEXPECTED_FRAME', header.offset, 'the frame reaches into END');
      }
    }
    if (sequence !== undefined && sequence !== this.totals.frames) {
      throw new PageStreamError('STREAM_SEQUENCE', this.endOffset + 16, `frames before END: ${sequence}`);
    }
    map.sort();
    const gap = map.firstGap(this.regions);
    if (gap) {
      const code = gap.repeated ? 'STREAM_PAGE_REPEATED' : 'STREAM_PAGES_MISSING';
      throw new PageStreamError(code, this.endOffset, `page ${gap.page} of region ${gap.region}`);
    }
    return map;
  }

  #checkedParent(parent: ParentImage | undefined): ParentImage | undefined {
    const named = this.parentIdentity;
    if (named === undefined || parent === undefined) return undefined;
    const header = this.#frames.header(this.#head.parentOffset);
    checkParent(this.#frames.part(header, 0), named, parent);
    if (!sameLayout(this.regions, parent.regions)) {
      throw new PageStreamError('STREAM_PARENT', header.offset, 'the regions are not those of the parent');
    }
    return parent;
  }
}

/**
 * Opens a stored image for random access. Throws PageStreamError when its head, its end, or without a usable index any frame is
 * damaged, and STREAM_PARENT for another parent than the one it names; `salvageImage` takes such images.
 */
export function openImage(readAt: ReadAt, options: OpenOptions): StoredImage {
  return new StoredImage(readAt, options);
}
