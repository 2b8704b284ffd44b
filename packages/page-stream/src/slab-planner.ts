import { type ChunkSettings } from './chunk-options.ts';
import { ChunkPlanner, chunkPagesFor, type SlabPlan } from './chunk-plan.ts';
import type { PageCodec } from './codec.ts';
import { addDigest, subtractDigest } from './image-digest.ts';
import { kindNumber } from './layout/chunks.ts';
import { DIGEST_UNIT_BYTES } from './limits.ts';
import type { MemoryAccount } from './migration/memory-account.ts';
import type { PageTerms } from './migration/page-terms.ts';
import type { PageRun, RegionEntry } from './page-run.ts';
import type { PageSpans } from './page-spans.ts';
import type { PageTwins } from './page-twins.ts';
import { ReplacedPages } from './replaced-pages.ts';
import { isSameBytes } from './same-bytes.ts';

/** How much of a parent is looked at at a time where the new pages are zeros. */
const OLD_PAGES_BYTES = 1024 * 1024;

export interface PlannedSlab extends SlabPlan {
  /** The parent's pages, laid out like the slab. */
  readonly base: Uint8Array | undefined;
  /** What the runs without chunks add to the digest. */
  readonly digest: Uint32Array;
}

export interface PlannerParts {
  readonly codec: PageCodec;
  readonly settings: ChunkSettings;
  readonly maxPayloadBytes: number;
  readonly spans: PageSpans;
  readonly twins: PageTwins | undefined;
  readonly regions: readonly RegionEntry[];
  /** Of the parent, if there is one, else of this image; then it has the digest, and the plan adds nothing. */
  readonly account: MemoryAccount | undefined;
}

/** Decides for the pages of one slab how they are sent: as zeros, as in the parent, as pages that came before, or as chunks. */
export class SlabPlanner {
  readonly #parts: PlannerParts;
  readonly #region: RegionEntry;
  readonly #bytes: Uint8Array;
  readonly #base: Uint8Array | undefined;
  readonly #planner: ChunkPlanner;
  readonly #digest = new Uint32Array(2);
  readonly #terms: PageTerms | undefined;
  readonly #replaced: ReplacedPages | undefined;
  #same = new Uint8Array(1);

  /** For a slab of `runCount` runs, whose data runs `bytes` are. */
  constructor(parts: PlannerParts, region: RegionEntry, bytes: Uint8Array, runCount: number) {
    const { codec, settings, maxPayloadBytes, spans, twins, account } = parts;
    const { pageSize } = region;
    this.#parts = parts;
    this.#region = region;
    this.#bytes = bytes;
    this.#terms = account?.terms[region.id];
    if (settings.parent && this.#terms) {
      this.#replaced = new ReplacedPages(this.#terms, settings.parent, (one, other) =>
        isSameBytes(codec, one, other),
      );
    }
    this.#base = settings.parent && !this.#terms ? new Uint8Array(bytes.length) : undefined;
    const chunkPages = chunkPagesFor(pageSize, settings.chunkBytes, maxPayloadBytes);
    const unitsPerPage = pageSize / DIGEST_UNIT_BYTES;
    const expectedChunks = Math.ceil(bytes.length / (chunkPages * pageSize)) + runCount;
    this.#planner = new ChunkPlanner({ pageSize, unitsPerPage, chunkPages, maxPayloadBytes }, expectedChunks);
    spans.reset(bytes, pageSize);
    twins?.begin(bytes, pageSize);
  }

  plan(runs: readonly PageRun[]): PlannedSlab {
    const { spans } = this.#parts;
    let at = 0;
    for (const { firstPage, pageCount, kind } of runs) {
      if (kind === 'zero') this.#addZeros(firstPage, pageCount);
      for (let done = kind === 'zero' ? pageCount : 0; done < pageCount; ) {
        const taken = spans.take(pageCount - done);
        if (spans.isZero) this.#addZeros(firstPage + done, taken);
        else this.#addData(firstPage + done, taken, at);
        at += taken * this.#region.pageSize;
        done += taken;
      }
    }
    return { ...this.#planner.plan, base: this.#base, digest: this.#digest };
  }

  #addZeros(firstPage: number, pageCount: number): void {
    const { parent } = this.#parts.settings;
    const { id, pageSize } = this.#region;
    if (this.#replaced) return this.#replaceByZeros(this.#replaced, firstPage, pageCount);
    this.#terms?.zero(firstPage, pageCount);
    if (!parent) return this.#planner.addBare(kindNumber.zero, firstPage, pageCount);
    const atOnce = Math.max(1, Math.floor(OLD_PAGES_BYTES / pageSize));
    const old = new Uint8Array(Math.min(pageCount, atOnce) * pageSize);
    const lengths = new Uint32Array(atOnce + 1);
    for (let done = 0; done < pageCount; done += atOnce) {
      const pages = old.subarray(0, Math.min(atOnce, pageCount - done) * pageSize);
      parent.readPages(id, firstPage + done, pages);
      this.#forget(pages, firstPage + done);
      let page = firstPage + done;
      const entries = this.#parts.codec.findZeroRuns(pages, pageSize, lengths);
      for (const [entry, length] of lengths.subarray(0, entries).entries()) {
        if (length > 0)
          this.#planner.addBare(entry % 2 === 0 ? kindNumber.zero : kindNumber.parent, page, length);
        page += length;
      }
    }
  }

  #addData(firstPage: number, pageCount: number, at: number): void {
    const { parent } = this.#parts.settings;
    const { id, pageSize } = this.#region;
    if (this.#replaced) return this.#replace(this.#replaced, firstPage, pageCount, at);
    if (!parent || !this.#base) return this.#addContent(firstPage, pageCount, at);
    const base = this.#base.subarray(at, at + pageCount * pageSize);
    parent.readPages(id, firstPage, base);
    const pages = this.#bytes.subarray(at, at + pageCount * pageSize);
    for (let page = 0; page < pageCount; ) {
      const same = this.#isSame(pages, base, page);
      let end = page + 1;
      while (end < pageCount && this.#isSame(pages, base, end) === same) end++;
      if (same) this.#planner.addBare(kindNumber.parent, firstPage + page, end - page);
      else this.#addContent(firstPage + page, end - page, at + page * pageSize);
      page = end;
    }
  }

  /** Whether page `page` is the same in both. */
  #isSame(pages: Uint8Array, base: Uint8Array, page: number): boolean {
    const { pageSize } = this.#region;
    const start = page * pageSize;
    const end = start + pageSize;
    return isSameBytes(this.#parts.codec, pages.subarray(start, end), base.subarray(start, end));
  }

  #replaceByZeros(replaced: ReplacedPages, firstPage: number, pageCount: number): void {
    const same = this.#roomFor(pageCount);
    replaced.takeZeros(firstPage, pageCount, same);
    for (let page = 0; page < pageCount; page++) {
      const kind = same[page] === 1 ? kindNumber.parent : kindNumber.zero;
      this.#planner.addBare(kind, firstPage + page, 1);
    }
  }

  /** In pieces that do not cross the borders of chunks, so that the checksum of a piece is that of its chunk. */
  #replace(replaced: ReplacedPages, firstPage: number, pageCount: number, at: number): void {
    const { pageSize } = this.#region;
    for (let done = 0; done < pageCount; ) {
      const taken = Math.min(pageCount - done, this.#planner.pagesToBorder(firstPage + done));
      const start = at + done * pageSize;
      const pages = this.#bytes.subarray(start, start + taken * pageSize);
      const same = this.#roomFor(taken);
      const crc = replaced.take(firstPage + done, pages, same);
      this.#addReplaced(firstPage + done, taken, same, start, crc);
      done += taken;
    }
  }

  /** A byte for each page, used again for the next ones. */
  #roomFor(pageCount: number): Uint8Array {
    if (this.#same.length < pageCount) this.#same = new Uint8Array(pageCount);
    return this.#same;
  }

  /** One piece; `crc` is of all of it. */
  #addReplaced(firstPage: number, pageCount: number, same: Uint8Array, at: number, crc: number): void {
    const { pageSize } = this.#region;
    for (let page = 0; page < pageCount; ) {
      const isSame = same[page] === 1;
      let end = page + 1;
      while (end < pageCount && (same[end] === 1) === isSame) end++;
      const known = end - page === pageCount ? crc : undefined;
      if (isSame) this.#planner.addBare(kindNumber.parent, firstPage + page, end - page);
      else this.#addContent(firstPage + page, end - page, at + page * pageSize, known);
      page = end;
    }
  }

  /** Pages that are neither zero nor as in the parent. `crc`, if known, is of all of them. */
  #addContent(firstPage: number, pageCount: number, at: number, crc?: number): void {
    const { twins, regions } = this.#parts;
    const { id, pageSize } = this.#region;
    if (!twins) return this.#planner.addPages(firstPage, pageCount, at, crc);
    const slabPage = at / pageSize;
    let stored = 0;
    const flush = (end: number) => {
      if (end > stored) this.#planner.addPages(firstPage + stored, end - stored, at + stored * pageSize);
      for (let page = stored; page < end; page++) twins.stored(slabPage + page, id, firstPage + page);
    };
    for (let page = 0; page < pageCount; ) {
      const twin = twins.find(slabPage + page, pageCount - page, (region) => regions[region]?.pageSize);
      if (!twin) {
        page++;
        continue;
      }
      flush(page);
      this.#planner.addTwins(firstPage + page, twin.pageCount, twin.sourceRegion, twin.sourcePage);
      this.#addTwinDigest(firstPage + page, twin.pageCount, at + page * pageSize);
      page += twin.pageCount;
      stored = page;
    }
    flush(pageCount);
  }

  #addTwinDigest(firstPage: number, pageCount: number, at: number): void {
    const { id, pageSize } = this.#region;
    const added = new Uint32Array(2);
    const end = at + pageCount * pageSize;
    if (this.#terms) {
      this.#terms.data(firstPage, this.#bytes.subarray(at, end), 0);
      return;
    }
    const firstUnit = firstPage * (pageSize / DIGEST_UNIT_BYTES);
    this.#parts.codec.digestRun(this.#bytes.subarray(at, end), 0, id, firstUnit, added);
    addDigest(this.#digest, added);
    if (this.#base) this.#forget(this.#base.subarray(at, end), firstPage);
  }

  /** Takes old pages of the parent out of the digest. */
  #forget(old: Uint8Array, firstPage: number): void {
    const { id, pageSize } = this.#region;
    const gone = new Uint32Array(2);
    this.#parts.codec.digestRun(old, 0, id, firstPage * (pageSize / DIGEST_UNIT_BYTES), gone);
    subtractDigest(this.#digest, gone);
  }
}
