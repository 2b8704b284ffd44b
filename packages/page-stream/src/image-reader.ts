import { ChunkReader, sourceCame } from './chunk-reader.ts';
import type { PageSources } from './chunk-unpacker.ts';
import type { PageCodec } from './codec.ts';
import { features } from './features.ts';
import { FRAME_HEADER_BYTES } from './frame-header.ts';
import { PageStreamError } from './error.ts';
import type { FramePlace, ImageTotals } from './frames.ts';
import type { EndFrame, HeaderFrame, PagesFrame, ParentFrame, RegionsFrame, StateFrame } from './frames.ts';
import { type ChunkTable, chunkRunPosition } from './layout/chunks.ts';
import { checkEnd, expectEndLength } from './layout/end.ts';
import { readStatePart, type StateProgress } from './layout/guest-state.ts';
import { type RunTable, readRunTable, runPosition } from './layout/pages.ts';
import { checkParent, readParent } from './layout/parent.ts';
import { readRegionTable } from './layout/region-table.ts';
import { readStreamHeader } from './layout/stream-header.ts';
import { DIGEST_UNIT_BYTES, type StreamLimits } from './limits.ts';
import { PageCoverage } from './page-coverage.ts';
import { type ParentImage, sameLayout } from './page-reader.ts';
import type { RegionEntry } from './page-run.ts';
import type { Payload } from './payload.ts';

/** Payloads of image frames, checked against all that came before. Order is checked elsewhere. */
export class ImageReader {
  readonly #codec: PageCodec;
  readonly #limits: StreamLimits;
  readonly #knownFeatures: number;
  readonly #parent: ParentImage | undefined;
  readonly #digest = new Uint32Array(2);
  readonly #chunks: ChunkReader;
  #features = 0;
  #regions: readonly RegionEntry[] = [];
  #coverage: PageCoverage[] = [];
  /** Pages of same-as runs. */
  #copies: PageCoverage[] = [];
  #state: StateProgress | undefined;
  #zeroPages = 0;
  #dataBytes = 0;

  constructor(
    codec: PageCodec,
    limits: StreamLimits,
    knownFeatures: number,
    sources: PageSources & { parent: ParentImage | undefined },
  ) {
    this.#codec = codec;
    this.#limits = limits;
    this.#knownFeatures = knownFeatures;
    this.#parent = sources.parent;
    this.#chunks = new ChunkReader(codec, sources, this.#digest);
  }

  header(place: FramePlace, payload: Payload): HeaderFrame {
    const header = readStreamHeader(payload, this.#knownFeatures);
    this.#features = header.requiredFeatures;
    return { ...place, type: 'header', ...header };
  }

  /** Comes only when there is a parent, because the feature would not be known otherwise. */
  parent(place: FramePlace, payload: Payload): ParentFrame {
    const named = readParent(payload);
    checkParent(payload, named, this.#parent!);
    this.#chunks.startIncrement(this.#parent!.digest);
    return { ...place, type: 'parent', ...named };
  }

  regions(place: FramePlace, payload: Payload): RegionsFrame {
    this.#regions = readRegionTable(payload, this.#limits);
    if (this.#isIncrement && !sameLayout(this.#regions, this.#parent!.regions)) {
      payload.fail('STREAM_PARENT', 0, 'the regions are not those of the parent');
    }
    this.#coverage = this.#regions.map(({ sizeBytes, pageSize }) => new PageCoverage(sizeBytes / pageSize));
    this.#copies = this.#regions.map(({ sizeBytes, pageSize }) => new PageCoverage(sizeBytes / pageSize));
    return { ...place, type: 'regions', regions: this.#regions };
  }

  state(place: FramePlace, payload: Payload): StateFrame {
    const part = readStatePart(payload, this.#state, this.#limits);
    const receivedBytes = part.partOffset + part.bytes.length;
    this.#state = { kind: part.kind, totalBytes: part.totalBytes, receivedBytes };
    return { ...place, type: 'state', ...part, last: receivedBytes === part.totalBytes };
  }

  /** Checks the payload CRC too, because CRC and digest are one pass over the page bytes. */
  pages(place: FramePlace, payload: Payload): PagesFrame {
    const table: RunTable = this.#orPayloadCrc(payload, () => readRunTable(payload, this.#regions));
    const { region, runs, dataStart } = table;
    if (this.#digestPages(payload, table) !== payload.header.payloadCrc) failPayloadCrc(payload);
    const coverage = this.#coverage[region.id]!;
    for (const [index, { firstPage, pageCount, kind }] of runs.entries()) {
      if (!coverage.cover(firstPage, pageCount)) {
        failRepeated(payload, runPosition(index), region, firstPage, pageCount);
      }
      if (kind === 'zero') this.#zeroPages += pageCount;
      this.#chunks.forgetPages(region.id, region.pageSize, firstPage, pageCount);
    }
    const bytes = payload.bytes.subarray(dataStart);
    this.#dataBytes += bytes.length;
    return { ...place, type: 'pages', region: region.id, runs, bytes };
  }

  /** As `pages`. `fresh`: the pages stay valid when the next frame is read. */
  chunks(place: FramePlace, payload: Payload, fresh: boolean): PagesFrame {
    const table = this.#orPayloadCrc(payload, () =>
      this.#chunks.table(payload, {
        regions: this.#regions,
        features: this.#features,
        maxPayloadBytes: this.#limits.maxPayloadBytes,
      }),
    );
    const { payloadCrc, stored } = this.#chunks.checksums(payload, table);
    if (payloadCrc !== payload.header.payloadCrc) failPayloadCrc(payload);
    this.#chunks.checkStored(payload, table, stored);
    this.#coverChunks(payload, table);
    const unpacked = this.#chunks.unpack(payload, table, fresh);
    this.#dataBytes += table.fullBytes;
    return { ...place, type: 'pages', region: table.region.id, ...unpacked };
  }

  #coverChunks(payload: Payload, { region, runs }: ChunkTable): void {
    for (const [index, run] of runs.entries()) {
      const { sourceRegion } = run;
      if (run.kind !== 'same-as') continue;
      if (!sourceCame(run, this.#coverage[sourceRegion], this.#copies[sourceRegion])) {
        payload.fail('STREAM_BAD_VALUE', chunkRunPosition(index) + 28, 'source pages did not come before');
      }
    }
    const coverage = this.#coverage[region.id]!;
    for (const [index, { kind, firstPage, pageCount }] of runs.entries()) {
      if (!coverage.cover(firstPage, pageCount))
        failRepeated(payload, chunkRunPosition(index), region, firstPage, pageCount);
      if (kind === 'zero') this.#zeroPages += pageCount;
      if (kind === 'same-as') this.#copies[region.id]!.cover(firstPage, pageCount);
    }
  }

  get #isIncrement(): boolean {
    return (this.#features & features.PARENT) !== 0;
  }

  end(place: FramePlace, payload: Payload): EndFrame {
    expectEndLength(payload);
    for (const { id, name } of this.#regions) {
      const missing = this.#coverage[id]?.firstMissing();
      if (missing === undefined) continue;
      const message = `page ${missing} of region ${id} (${name}) never came`;
      throw new PageStreamError('STREAM_PAGES_MISSING', place.offset, message);
    }
    const totals: ImageTotals = {
      pages: this.#coverage.reduce((sum, { covered }) => sum + covered, 0),
      zeroPages: this.#zeroPages,
      dataBytes: this.#dataBytes,
      frames: place.sequence,
      digest: this.#digest,
    };
    checkEnd(payload, totals);
    return { ...place, type: 'end', ...totals };
  }

  /** A table that makes no sense is often a damaged one, and then the CRC is the better answer. */
  #orPayloadCrc<T>(payload: Payload, read: () => T): T {
    try {
      return read();
    } catch (error) {
      checkPayloadCrc(payload, this.#codec);
      throw error;
    }
  }

  /** Adds the pages to the digest and returns the CRC of the whole payload. After a mismatch the digest is of no use any more. */
  #digestPages(payload: Payload, { region, runs, dataStart }: RunTable): number {
    const unitsPerPage = region.pageSize / DIGEST_UNIT_BYTES;
    let crc = this.#codec.crc32c(payload.bytes.subarray(0, dataStart));
    let at = dataStart;
    for (const { firstPage, pageCount, kind } of runs) {
      if (kind === 'zero') continue;
      const pages = payload.bytes.subarray(at, at + pageCount * region.pageSize);
      crc = this.#codec.digestRun(pages, crc, region.id, firstPage * unitsPerPage, this.#digest);
      at += pages.length;
    }
    return crc;
  }
}

export function checkPayloadCrc(payload: Payload, codec: PageCodec): void {
  if (codec.crc32c(payload.bytes) !== payload.header.payloadCrc) failPayloadCrc(payload);
}

function failRepeated(
  payload: Payload,
  at: number,
  region: RegionEntry,
  firstPage: number,
  pageCount: number,
): never {
  const message = `region ${region.id}: a page of ${firstPage} to ${firstPage + pageCount - 1} came before`;
  return payload.fail('STREAM_PAGE_REPEATED', at, message);
}

function failPayloadCrc({ header }: Payload): never {
  const message = `payload CRC mismatch in a frame of ${header.payloadBytes} bytes`;
  throw new PageStreamError('STREAM_PAYLOAD_CRC', header.offset + FRAME_HEADER_BYTES, message);
}
