import type { PageCodec } from '../codec.ts';
import { checkBytes, checkRegions, checkSpans, commonLimits } from '../encoder-input.ts';
import type { StateInput } from '../encoder-options.ts';
import { PageStreamError } from '../error.ts';
import { features } from '../features.ts';
import { FRAME_HEADER_BYTES, frameTypes, migrationTypes, writeFrameHeader } from '../frame-header.ts';
import type { AnnouncedLimits } from '../frames.ts';
import { writeEnd } from '../layout/end.ts';
import { partCapacity, writeStateHead } from '../layout/guest-state.ts';
import { writeRunTable } from '../layout/pages.ts';
import { writeRegionTable } from '../layout/region-table.ts';
import { type RoundMark, writeRoundMark } from '../layout/round-mark.ts';
import { writeStreamHeader } from '../layout/stream-header.ts';
import { formatLimits, MAX_NAME_BYTES } from '../limits.ts';
import type { PageRun, RegionEntry } from '../page-run.ts';
import { PageSpans } from '../page-spans.ts';
import { pureCodec } from '../pure-codec.ts';
import { divideSlab, headBytes, onePagePayloadBytes, type SlabFrame } from '../slab-frames.ts';
import { encodeExact } from '../text.ts';
import { pad8 } from '../u64.ts';
import type { MemoryAccount } from './memory-account.ts';

export interface MigrationEncoderOptions {
  /** What is sent on all connections together. */
  readonly account: MemoryAccount;
  /** Default `pureCodec`. */
  readonly codec?: PageCodec;
  /** What the destination announced in its HELLO. Default: the limits of the format. */
  readonly limits?: AnnouncedLimits;
}

/**
 * Image frames of one connection of a migration: `start` on the first one only, then `pages`, `roundMark` and once `state` in any order.
 *
 * Buffers are to be written one after the other. Heads are fresh, page bytes are views of what the caller gave, who keeps them unchanged
 * until they are written. What is above the limits of the destination throws PageStreamError STREAM_LIMIT.
 */
export class MigrationEncoder {
  readonly #account: MemoryAccount;
  readonly #codec: PageCodec;
  readonly #limits: AnnouncedLimits;
  readonly #spans: PageSpans;
  #frames = 0;
  #pages = 0;
  #zeroPages = 0;
  #dataBytes = 0;

  constructor({ account, codec = pureCodec, limits = formatLimits }: MigrationEncoderOptions) {
    this.#account = account;
    this.#codec = codec;
    this.#limits = commonLimits(formatLimits, limits);
    this.#spans = new PageSpans(codec);
  }

  /** STREAM_HEADER and REGION_TABLE. `streamId`: 16 bytes at random, which every further connection names. */
  start(streamId: Uint8Array): Uint8Array[] {
    const { regions } = this.#account;
    checkRegions(regions, this.#limits, 0, onePagePayloadBytes);
    const table = writeRegionTable(regions);
    if (table.length > this.#limits.maxPayloadBytes) {
      throw new PageStreamError('STREAM_LIMIT', 0, `region table of ${table.length} bytes`);
    }
    return [
      ...this.#frame(frameTypes.STREAM_HEADER, writeStreamHeader(streamId, features.MIGRATION)),
      ...this.#frame(frameTypes.REGION_TABLE, table),
    ];
  }

  /** GUEST_STATE, in as many parts as it needs. */
  state({ kind, bytes }: StateInput): Uint8Array[] {
    const total = bytes.byteLength;
    if (total > this.#limits.maxStateBytes) {
      throw new PageStreamError(
        'STREAM_LIMIT',
        0,
        `state of ${total} bytes is above maxStateBytes, ${this.#limits.maxStateBytes}`,
      );
    }
    let partKind = encodeExact(kind, MAX_NAME_BYTES, 'kind');
    const buffers: Uint8Array[] = [];
    let at = 0;
    do {
      const part = bytes.subarray(at, at + partCapacity(this.#limits.maxPayloadBytes, partKind.length));
      buffers.push(
        ...this.#frame(frameTypes.GUEST_STATE, writeStateHead(partKind, total, at, part.length), part),
      );
      partKind = new Uint8Array();
      at += part.length;
    } while (at < total);
    return buffers;
  }

  /** PAGES. `bytes`: the pages of the data runs, packed in their order; pages of zeros among them are found. */
  pages(regionId: number, runs: readonly PageRun[], bytes: Uint8Array): Uint8Array[] {
    const region = this.#account.regions[regionId];
    if (region === undefined) throw new RangeError(`no region ${regionId}`);
    checkSpans(region, runs);
    checkBytes(region, runs, bytes);
    this.#spans.reset(bytes, region.pageSize);
    const frames = divideSlab(runs, this.#spans, region.pageSize, this.#limits.maxPayloadBytes);
    return frames.flatMap((frame) => this.#pagesFrame(region, frame, bytes));
  }

  roundMark(mark: RoundMark): Uint8Array[] {
    return this.#frame(migrationTypes.ROUND_MARK, writeRoundMark(mark));
  }

  /** END: nothing more comes on this connection. States the digest of the memory as it was sent last. */
  end(): Uint8Array[] {
    const payload = writeEnd({
      pages: this.#pages,
      zeroPages: this.#zeroPages,
      dataBytes: this.#dataBytes,
      frames: this.#frames,
      digest: this.#account.digest,
    });
    return this.#frame(frameTypes.END, payload);
  }

  #pagesFrame(region: RegionEntry, frame: SlabFrame, bytes: Uint8Array): Uint8Array[] {
    const head = new Uint8Array(headBytes(frame));
    const payloadHead = head.subarray(FRAME_HEADER_BYTES);
    writeRunTable(payloadHead, region.id, frame.runs);
    const terms = this.#account.terms[region.id]!;
    const views: Uint8Array[] = [];
    let viewStart = 0;
    let viewEnd = 0;
    let crc = this.#codec.crc32c(payloadHead);
    for (const [index, { firstPage, pageCount, kind }] of frame.runs.entries()) {
      this.#pages += pageCount;
      if (kind === 'zero') {
        this.#zeroPages += pageCount;
        terms.zero(firstPage, pageCount);
        continue;
      }
      const start = frame.starts[index]!;
      const end = start + pageCount * region.pageSize;
      crc = terms.data(firstPage, bytes.subarray(start, end), crc);
      // One view for what lies together, however many runs it is.
      if (start !== viewEnd && viewEnd > viewStart) views.push(bytes.subarray(viewStart, viewEnd));
      if (start !== viewEnd) viewStart = start;
      viewEnd = end;
    }
    if (viewEnd > viewStart) views.push(bytes.subarray(viewStart, viewEnd));
    this.#dataBytes += frame.dataBytes;
    const payloadBytes = payloadHead.length + frame.dataBytes;
    writeFrameHeader(head, {
      type: frameTypes.PAGES,
      payloadBytes,
      payloadCrc: crc,
      sequence: this.#frames++,
    });
    return [head, ...views];
  }

  /** A frame of `head` and, without copying them, `bytes` and their padding. */
  #frame(type: number, payloadHead: Uint8Array, bytes: Uint8Array = new Uint8Array()): Uint8Array[] {
    const padding = new Uint8Array(pad8(bytes.length) - bytes.length);
    const head = new Uint8Array(FRAME_HEADER_BYTES + payloadHead.length);
    head.set(payloadHead, FRAME_HEADER_BYTES);
    const parts = [payloadHead, bytes, padding];
    const payloadCrc = parts.reduce((seed, part) => this.#codec.crc32c(part, seed), 0);
    const payloadBytes = parts.reduce((sum, part) => sum + part.length, 0);
    writeFrameHeader(head, { type, payloadBytes, payloadCrc, sequence: this.#frames++ });
    return [head, bytes, padding].filter((buffer) => buffer.length > 0);
  }
}
