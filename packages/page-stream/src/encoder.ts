import { ChunkEncoder, type PendingSlab } from './chunk-encoder.ts';
import { chunkSettings } from './chunk-options.ts';
import { oneChunkPayloadBytes } from './chunk-plan.ts';
import type { PageCodec } from './codec.ts';
import type { EncodedPages, EncoderOptions, StateInput } from './encoder-options.ts';
import { checkBytes, checkRegions, checkSpans, commonLimits } from './encoder-input.ts';
import { PageStreamError } from './error.ts';
import { FRAME_HEADER_BYTES, frameTypes, INDEX_TYPE, writeFrameHeader } from './frame-header.ts';
import type { AnnouncedLimits, ImageTotals, PageSpan } from './frames.ts';
import { addDigest } from './image-digest.ts';
import { ImageTally } from './image-tally.ts';
import { IndexBuilder } from './index-builder.ts';
import type { ChunkKind } from './layout/chunks.ts';
import { writeEnd } from './layout/end.ts';
import { partCapacity, writeStateHead } from './layout/guest-state.ts';
import { type ParentIdentity, writeParent } from './layout/parent.ts';
import { writeRegionTable } from './layout/region-table.ts';
import { STREAM_ID_BYTES, writeStreamHeader } from './layout/stream-header.ts';
import { formatLimits, MAX_CHAIN_LENGTH, MAX_NAME_BYTES } from './limits.ts';
import type { PackedSlab } from './packer.ts';
import type { MemoryAccount } from './migration/memory-account.ts';
import { PageCoverage } from './page-coverage.ts';
import { type ParentImage, sameLayout } from './page-reader.ts';
import type { PageRun, RegionEntry } from './page-run.ts';
import { PagesFrames } from './pages-frames.ts';
import { pureCodec } from './pure-codec.ts';
import { onePagePayloadBytes } from './slab-frames.ts';
import { encodeExact } from './text.ts';
import { Turns } from './turns.ts';
import { pad8 } from './u64.ts';

/** A parent as its increment names it. */
function identify({ digest, streamId, chainLength }: ParentImage): ParentIdentity {
  return { digest, streamId, chainLength: chainLength + 1 };
}

/**
 * Turns an image into frames, in the order `start`, `state`, `encodePages` …, `end`.
 *
 * Each method returns buffers to be written one after the other (an iovec list). Heads are fresh buffers; page and state bytes are
 * views of what the caller gave, never copies, so the caller keeps them unchanged until they are written.
 *
 * Calls out of order throw TypeError, wrong arguments RangeError, and what is above the limits of the reader PageStreamError
 * STREAM_LIMIT, whose offset counts the bytes encoded so far. After an error the image cannot be completed.
 */
export class PageStreamEncoder {
  readonly #codec: PageCodec;
  readonly #limits: AnnouncedLimits;
  readonly #streamId: Uint8Array;
  readonly #digest = new Uint32Array(2);
  readonly #tally = new ImageTally();
  readonly #pages: PagesFrames;
  readonly #chunks: ChunkEncoder | undefined;
  readonly #index: IndexBuilder | undefined;
  readonly #turns = new Turns();
  /** Has the digest, where there is one. */
  #account: MemoryAccount | undefined;
  #regions: readonly RegionEntry[] = [];
  #coverage: PageCoverage[] = [];
  #next: 'start' | 'state' | 'pages' | 'done' = 'start';
  #frames = 0;
  #offset = 0;

  constructor({ streamId, codec = pureCodec, limits = formatLimits, chunks }: EncoderOptions) {
    if (streamId.length !== STREAM_ID_BYTES) {
      throw new RangeError(`streamId has ${streamId.length} bytes, not ${STREAM_ID_BYTES}`);
    }
    this.#streamId = streamId.slice();
    this.#codec = codec;
    this.#limits = commonLimits(formatLimits, limits);
    this.#pages = new PagesFrames(codec, this.#limits.maxPayloadBytes, this.#digest, this.#tally);
    if (chunks === undefined) return;
    const settings = chunkSettings(chunks);
    if (settings.parent && settings.parent.chainLength >= MAX_CHAIN_LENGTH) {
      throw new RangeError(
        `a chain of ${settings.parent.chainLength + 1} images; flatten it: ${MAX_CHAIN_LENGTH} at most`,
      );
    }
    this.#chunks = new ChunkEncoder(codec, settings, this.#streamId, this.#limits.maxPayloadBytes);
    if (settings.index) this.#index = new IndexBuilder();
  }

  /** So far; final after `end`. `frames` are those before END. */
  get totals(): ImageTotals {
    return {
      pages: this.#coverage.reduce((sum, { covered }) => sum + covered, 0),
      zeroPages: this.#tally.zeroPages,
      dataBytes: this.#tally.dataBytes,
      frames: this.#next === 'done' ? this.#frames - 1 : this.#frames,
      digest: this.#account?.digest ?? this.#digest.slice(),
    };
  }

  /** So far: how pages travelled, and the bytes that were stored for them, which `totals.dataBytes` were before. */
  get packing(): { readonly pagesByKind: Readonly<Record<ChunkKind, number>>; readonly storedBytes: number } {
    const { pagesByKind, storedBytes } = this.#tally;
    return { pagesByKind, storedBytes };
  }

  /** What the reader must know: the required features. */
  get features(): number {
    return this.#chunks?.settings.features ?? 0;
  }

  /** STREAM_HEADER, for an increment PARENT, and REGION_TABLE. Names are labels: control characters become spaces, and what is too long is cut. */
  start(regions: readonly RegionEntry[]): Uint8Array[] {
    this.#expect('start');
    const pagePayloadBytes = this.#chunks ? oneChunkPayloadBytes : onePagePayloadBytes;
    checkRegions(regions, this.#limits, this.#offset, pagePayloadBytes);
    const table = writeRegionTable(regions);
    if (table.length > this.#limits.maxPayloadBytes) {
      throw new PageStreamError('STREAM_LIMIT', this.#offset, `region table of ${table.length} bytes`);
    }
    const parent = this.#chunks?.settings.parent;
    if (parent && !sameLayout(regions, parent.regions)) {
      throw new RangeError('the regions of an increment are not those of its parent');
    }
    if (parent) this.#digest.set(parent.digest);
    this.#account = this.#chunks?.start(regions);
    this.#regions = regions.map((region) => ({ ...region }));
    this.#coverage = regions.map(({ sizeBytes, pageSize }) => new PageCoverage(sizeBytes / pageSize));
    this.#next = 'state';
    return [
      ...this.#frame(frameTypes.STREAM_HEADER, writeStreamHeader(this.#streamId, this.features)),
      ...(parent ? this.#frame(frameTypes.PARENT, writeParent(identify(parent))) : []),
      ...this.#frame(frameTypes.REGION_TABLE, table),
    ];
  }

  /** GUEST_STATE, in as many parts as it needs. */
  state({ kind, bytes }: StateInput): Uint8Array[] {
    this.#expect('state');
    const total = bytes.byteLength;
    if (total > this.#limits.maxStateBytes) {
      const message = `state of ${total} bytes is above maxStateBytes, ${this.#limits.maxStateBytes}`;
      throw new PageStreamError('STREAM_LIMIT', this.#offset, message);
    }
    let partKind = encodeExact(kind, MAX_NAME_BYTES, 'kind');
    const buffers: Uint8Array[] = [];
    let at = 0;
    do {
      const part = bytes.subarray(at, at + partCapacity(this.#limits.maxPayloadBytes, partKind.length));
      const head = writeStateHead(partKind, total, at, part.length);
      buffers.push(...this.#frame(frameTypes.GUEST_STATE, head, part));
      partKind = new Uint8Array();
      at += part.length;
    } while (at < total);
    this.#next = 'pages';
    return buffers;
  }

  /**
   * PAGES: one frame for a slab of a MiB, more for a large one. `bytes` are the pages of the data runs, packed in their order; zero
   * pages among them are found and sent as zero runs. No page may come twice. Work is O(runs + spans of zeros).
   */
  encodePages(region: number, runs: readonly PageRun[], bytes: Uint8Array): Uint8Array[] {
    this.#expect('pages');
    this.#expectQuiet();
    const entry = this.#coverSlab(region, runs, bytes);
    if (this.#chunks) {
      const slab = this.#chunks.plan(entry, runs, bytes);
      return this.#chunkFrames(this.#chunks, slab, this.#chunks.store(slab));
    }
    const buffers: Uint8Array[] = [];
    for (const { head, views, payloadBytes, payloadCrc } of this.#pages.of(entry, runs, bytes)) {
      this.#writeHeader(head, frameTypes.PAGES, payloadBytes, payloadCrc);
      buffers.push(head, ...views);
    }
    return buffers;
  }

  /**
   * As `encodePages`, with the option `chunks`, but packed away from the event loop. Several calls may be under way; their frames
   * belong into the stream in the order of the calls, and their promises resolve in it. When one rejects, so do all after it, the
   * image cannot be completed, and nothing touches the slabs any more.
   */
  async packPages(region: number, runs: readonly PageRun[], bytes: Uint8Array): Promise<EncodedPages> {
    this.#expect('pages');
    const chunks = this.#chunks;
    if (!chunks) throw new TypeError('packPages needs the option `chunks`');
    const entry = this.#coverSlab(region, runs, bytes);
    const slab = chunks.plan(entry, runs, bytes);
    return this.#turns.take(
      chunks.pack(slab),
      (packed) => ({
        buffers: this.#chunkFrames(chunks, slab, packed),
        usesSlab: packed.isSlab && slab.chunks.count > 0,
        release: () => packed.release(),
      }),
      (packed) => packed.release(),
    );
  }

  /** Pages of an increment that are known to be as in the parent: neither is looked at. */
  inheritPages(region: number, spans: readonly PageSpan[]): Uint8Array[] {
    this.#expect('pages');
    this.#expectQuiet();
    const chunks = this.#chunks;
    if (!chunks?.settings.parent) throw new TypeError('inheritPages needs the option `chunks.parent`');
    const entry = this.#cover(region, spans);
    const slab = chunks.planInherited(entry, spans);
    return this.#chunkFrames(chunks, slab, chunks.store(slab));
  }

  /** An index if there is to be one, and END, after every page of every region. */
  end(): Uint8Array[] {
    this.#expect('pages');
    this.#expectQuiet();
    for (const { id, name } of this.#regions) {
      const missing = this.#coverage[id]?.firstMissing();
      if (missing !== undefined) throw new RangeError(`page ${missing} of region ${id} (${name}) is missing`);
    }
    const index = this.#index?.payloads(this.#offset, this.#limits.maxPayloadBytes) ?? [];
    const buffers = index.flatMap((payload) => this.#frame(INDEX_TYPE, payload));
    buffers.push(...this.#frame(frameTypes.END, writeEnd(this.totals)));
    this.#next = 'done';
    return buffers;
  }

  #coverSlab(region: number, runs: readonly PageRun[], bytes: Uint8Array): RegionEntry {
    const entry = this.#regions[region];
    if (entry) checkBytes(entry, runs, bytes);
    return this.#cover(region, runs);
  }

  /** The entry of a region whose pages come now. */
  #cover(region: number, spans: readonly PageSpan[]): RegionEntry {
    const entry = this.#regions[region];
    const coverage = this.#coverage[region];
    if (!entry || !coverage) throw new RangeError(`no region ${region}`);
    checkSpans(entry, spans);
    for (const { firstPage, pageCount } of spans) {
      if (!coverage.cover(firstPage, pageCount)) {
        throw new RangeError(`region ${region}: a page of ${pageCount} from ${firstPage} was encoded before`);
      }
    }
    return entry;
  }

  #chunkFrames(chunks: ChunkEncoder, slab: PendingSlab, packed: PackedSlab): Uint8Array[] {
    addDigest(this.#digest, slab.digest);
    addDigest(this.#digest, packed.digest);
    const buffers: Uint8Array[] = [];
    const { id, pageSize } = slab.region;
    for (const { head, views, payloadBytes, payloadCrc, runs } of chunks.frames(slab, packed)) {
      for (let run = 0; run < runs.count; run++) {
        this.#tally.add(runs.kind(run), runs.pageCount(run), pageSize, runs.storedBytes(run));
        this.#index?.add(id, runs.firstPage(run), runs.pageCount(run), this.#offset);
      }
      this.#writeHeader(head, frameTypes.CHUNKS, payloadBytes, payloadCrc);
      buffers.push(head, ...views);
    }
    return buffers;
  }

  #expectQuiet(): void {
    if (this.#turns.isBusy) throw new TypeError('called while packPages is under way: await it first');
  }

  /** A frame of `head` and, without copying them, `bytes` and their padding. */
  #frame(type: number, payloadHead: Uint8Array, bytes: Uint8Array = new Uint8Array()): Uint8Array[] {
    const padding = new Uint8Array(pad8(bytes.length) - bytes.length);
    const head = new Uint8Array(FRAME_HEADER_BYTES + payloadHead.length);
    head.set(payloadHead, FRAME_HEADER_BYTES);
    const parts = [payloadHead, bytes, padding];
    const crc = parts.reduce((seed, part) => this.#codec.crc32c(part, seed), 0);
    const payloadBytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.#writeHeader(head, type, payloadBytes, crc);
    return [head, bytes, padding].filter((buffer) => buffer.length > 0);
  }

  #writeHeader(head: Uint8Array, type: number, payloadBytes: number, payloadCrc: number): void {
    const required = type !== INDEX_TYPE;
    writeFrameHeader(head, { type, payloadBytes, payloadCrc, sequence: this.#frames++, required });
    this.#offset += FRAME_HEADER_BYTES + payloadBytes;
  }

  #expect(next: 'start' | 'state' | 'pages'): void {
    if (this.#next === next) return;
    throw new TypeError(`called out of order: this encoder is at "${this.#next}", not at "${next}"`);
  }
}
