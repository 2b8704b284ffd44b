import type { PageCodec } from './codec.ts';
import { FRAME_HEADER_BYTES } from './frame-header.ts';
import { PageStreamError } from './error.ts';
import type { FramePlace, ImageTotals } from './frames.ts';
import type { EndFrame, HeaderFrame, PagesFrame, RegionsFrame, StateFrame } from './frames.ts';
import { checkEnd, expectEndLength } from './layout/end.ts';
import { readStatePart, type StateProgress } from './layout/guest-state.ts';
import { type RunTable, readRunTable, runPosition } from './layout/pages.ts';
import { readRegionTable } from './layout/region-table.ts';
import { readStreamHeader } from './layout/stream-header.ts';
import { DIGEST_UNIT_BYTES, type StreamLimits } from './limits.ts';
import { PageCoverage } from './page-coverage.ts';
import type { RegionEntry } from './page-run.ts';
import type { Payload } from './payload.ts';

/** Payloads of image frames, checked against all that came before. Order is checked elsewhere. */
export class ImageReader {
  readonly #codec: PageCodec;
  readonly #limits: StreamLimits;
  readonly #digest = new Uint32Array(2);
  #regions: readonly RegionEntry[] = [];
  #coverage: PageCoverage[] = [];
  #state: StateProgress | undefined;
  #zeroPages = 0;
  #dataBytes = 0;

  constructor(codec: PageCodec, limits: StreamLimits) {
    this.#codec = codec;
    this.#limits = limits;
  }

  header(place: FramePlace, payload: Payload): HeaderFrame {
    return { ...place, type: 'header', ...readStreamHeader(payload) };
  }

  regions(place: FramePlace, payload: Payload): RegionsFrame {
    this.#regions = readRegionTable(payload, this.#limits);
    this.#coverage = this.#regions.map(({ sizeBytes, pageSize }) => new PageCoverage(sizeBytes / pageSize));
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
    const table = this.#runTable(payload);
    const { region, runs, dataStart } = table;
    if (this.#digestPages(payload, table) !== payload.header.payloadCrc) failPayloadCrc(payload);
    const coverage = this.#coverage[region.id]!;
    for (const [index, { firstPage, pageCount, kind }] of runs.entries()) {
      if (!coverage.cover(firstPage, pageCount)) {
        const message = `region ${region.id}: a page of ${firstPage} to ${firstPage + pageCount - 1} came before`;
        payload.fail('STREAM_PAGE_REPEATED', runPosition(index), message);
      }
      if (kind === 'zero') this.#zeroPages += pageCount;
    }
    const bytes = payload.bytes.subarray(dataStart);
    this.#dataBytes += bytes.length;
    return { ...place, type: 'pages', region: region.id, runs, bytes };
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
  #runTable(payload: Payload): RunTable {
    try {
      return readRunTable(payload, this.#regions);
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

function failPayloadCrc({ header }: Payload): never {
  const message = `payload CRC mismatch in a frame of ${header.payloadBytes} bytes`;
  throw new PageStreamError('STREAM_PAYLOAD_CRC', header.offset + FRAME_HEADER_BYTES, message);
}
