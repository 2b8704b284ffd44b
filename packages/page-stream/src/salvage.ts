import { anchoredFrames } from './anchored-frames.ts';
import { PageStreamError } from './error.ts';
import type { FrameHeader } from './frame-header.ts';
import type { PageSpan } from './frames.ts';
import { formatDigest } from './image-digest.ts';
import { DIGEST_UNIT_BYTES, lowerLimits, type StreamLimits } from './limits.ts';
import { PageCoverage } from './page-coverage.ts';
import { PageMap } from './page-map.ts';
import type { ParentImage } from './page-reader.ts';
import type { RegionEntry } from './page-run.ts';
import { pureCodec } from './pure-codec.ts';
import { type ReadAt, StoredFrames } from './stored-frames.ts';
import { readRegions, readState, readTail, type StoredHead } from './stored-head.ts';
import type { OpenOptions } from './stored-image.ts';
import { readIndex } from './stored-index.ts';
import { StoredPages } from './stored-pages.ts';
import { holdsPages, readTable } from './stored-tables.ts';

/** Pages are handed out in pieces of at most this many bytes, or of one page if that is larger. */
const PIECE_BYTES = 1024 * 1024;

export interface SalvagedPages extends PageSpan {
  readonly region: number;
  /** On loan until the next piece. */
  readonly bytes: Uint8Array;
}

export interface LostPages extends PageSpan {
  readonly region: number;
}

/** What can be saved of a damaged image: every page is handed out, rightly, or is reported as lost. */
export class Salvage {
  readonly regions: readonly RegionEntry[];
  readonly streamId: Uint8Array;
  readonly #frames: StoredFrames;
  readonly #limits: StreamLimits;
  readonly #map: PageMap;
  readonly #pages: StoredPages;
  readonly #stated: Uint32Array | undefined;
  readonly #digest = new Uint32Array(2);
  readonly #lost: LostPages[] = [];

  /** Use `salvageImage`. */
  constructor(readAt: ReadAt, { sizeBytes, codec = pureCodec, limits, parent }: OpenOptions) {
    this.#limits = lowerLimits(limits);
    this.#frames = new StoredFrames(readAt, sizeBytes, codec, this.#limits);
    const head = readRegions(this.#frames, this.#limits);
    this.regions = head.regions;
    this.streamId = head.streamId;
    const tail = this.#readTail();
    this.#stated = tail?.digest;
    const index = tail
      ? readIndex(this.#frames, head.regions, { ...head, endOffset: tail.offset })
      : undefined;
    this.#map = this.#anchoredMap(head, index instanceof PageMap ? index : undefined);
    this.#pages = new StoredPages({
      frames: this.#frames,
      head,
      limits: this.#limits,
      parent: namedParent(head, parent),
      isTrusted: false,
      map: () => this.#map,
    });
  }

  /** The guest state, or undefined when it is damaged. */
  readState(): { kind: string; bytes: Uint8Array } | undefined {
    try {
      return readState(this.#frames, this.#limits);
    } catch (error) {
      if (error instanceof PageStreamError) return undefined;
      throw error;
    }
  }

  /** After all pages were taken: those that are lost, in order. */
  get lost(): readonly LostPages[] {
    return this.#lost;
  }

  /** After all pages were taken. `unknown` when pages are lost or END is. */
  get digest(): 'matches' | 'differs' | 'unknown' {
    if (this.#lost.length > 0 || this.#stated === undefined) return 'unknown';
    return formatDigest(this.#digest) === formatDigest(this.#stated) ? 'matches' : 'differs';
  }

  /** The pages that are not lost, in order. To be iterated once. */
  *pages(): Generator<SalvagedPages> {
    for (const { id, pageSize, sizeBytes } of this.regions) {
      const atOnce = Math.max(1, Math.floor(PIECE_BYTES / pageSize));
      const buffer = new Uint8Array(atOnce * pageSize);
      const end = sizeBytes / pageSize;
      for (let page = 0; page < end; page += atOnce) {
        yield* this.#piece(id, pageSize, page, buffer.subarray(0, Math.min(atOnce, end - page) * pageSize));
      }
    }
  }

  /** All at once where everything is right, page by page where something is not. */
  *#piece(region: number, pageSize: number, firstPage: number, bytes: Uint8Array): Generator<SalvagedPages> {
    const pageCount = bytes.length / pageSize;
    if (this.#read(region, firstPage, bytes)) {
      yield this.#found(region, pageSize, firstPage, bytes);
      return;
    }
    for (let i = 0; i < pageCount; i++) {
      const page = bytes.subarray(i * pageSize, (i + 1) * pageSize);
      if (this.#read(region, firstPage + i, page)) yield this.#found(region, pageSize, firstPage + i, page);
      else this.#lose(region, firstPage + i);
    }
  }

  #read(region: number, firstPage: number, bytes: Uint8Array): boolean {
    try {
      this.#pages.readPages(region, firstPage, bytes);
      return true;
    } catch (error) {
      if (error instanceof PageStreamError) return false;
      throw error;
    }
  }

  #found(region: number, pageSize: number, firstPage: number, bytes: Uint8Array): SalvagedPages {
    this.#frames.codec.digestRun(bytes, 0, region, firstPage * (pageSize / DIGEST_UNIT_BYTES), this.#digest);
    return { region, firstPage, pageCount: bytes.length / pageSize, bytes };
  }

  #lose(region: number, page: number): void {
    const last = this.#lost.at(-1);
    if (last?.region === region && last.firstPage + last.pageCount === page) {
      this.#lost[this.#lost.length - 1] = { ...last, pageCount: last.pageCount + 1 };
    } else {
      this.#lost.push({ region, firstPage: page, pageCount: 1 });
    }
  }

  #readTail(): ReturnType<typeof readTail> | undefined {
    try {
      return readTail(this.#frames);
    } catch (error) {
      if (error instanceof PageStreamError) return undefined;
      throw error;
    }
  }

  /** Pages of frames that are in the image for certain and whose tables can be read; of pages that came twice the first. */
  #anchoredMap(head: StoredHead, index: PageMap | undefined): PageMap {
    const map = new PageMap();
    const coverage = head.regions.map(({ sizeBytes, pageSize }) => new PageCoverage(sizeBytes / pageSize));
    for (const header of anchoredFrames(this.#frames, head.pagesStart, index)) {
      if (!holdsPages(header)) continue;
      for (const { region, firstPage, pageCount } of this.#spans(header, head)) {
        if (coverage[region]!.count(firstPage, pageCount) > 0) continue;
        coverage[region]!.cover(firstPage, pageCount);
        map.add(region, firstPage, pageCount, header.offset);
      }
    }
    map.sort();
    return map;
  }

  #spans(header: FrameHeader, head: StoredHead): LostPages[] {
    try {
      const { region, runs } = readTable(this.#frames, header, head, this.#limits).table;
      return runs.map(({ firstPage, pageCount }) => ({ region: region.id, firstPage, pageCount }));
    } catch (error) {
      if (error instanceof PageStreamError) return [];
      throw error;
    }
  }
}

/** Only the parent that the image names is of use. */
function namedParent(head: StoredHead, parent: ParentImage | undefined): ParentImage | undefined {
  const isNamed =
    head.parent !== undefined &&
    parent !== undefined &&
    formatDigest(head.parent.digest) === formatDigest(parent.digest) &&
    head.parent.streamId.every((byte, index) => byte === parent.streamId[index]);
  return isNamed ? parent : undefined;
}

/**
 * Opens a damaged stored image to save what can be saved. Throws PageStreamError when its header or its regions cannot be read:
 * then nothing can.
 */
export function salvageImage(readAt: ReadAt, options: OpenOptions): Salvage {
  return new Salvage(readAt, options);
}
