import type { PageCodec } from './codec.ts';
import { FRAME_HEADER_BYTES } from './frame-header.ts';
import type { ImageTally } from './image-tally.ts';
import { kindNumber } from './layout/chunks.ts';
import { writeRunTable } from './layout/pages.ts';
import { DIGEST_UNIT_BYTES } from './limits.ts';
import type { PageRun, RegionEntry } from './page-run.ts';
import { PageSpans } from './page-spans.ts';
import { divideSlab, headBytes, type SlabFrame } from './slab-frames.ts';

/** A PAGES frame that lacks only its header, for which `head` has room at its start. */
export interface PagesFrameParts {
  readonly head: Uint8Array;
  readonly views: readonly Uint8Array[];
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

/** Makes PAGES frames of slabs. */
export class PagesFrames {
  readonly #codec: PageCodec;
  readonly #spans: PageSpans;
  readonly #maxPayloadBytes: number;
  readonly #digest: Uint32Array;
  readonly #tally: ImageTally;

  /** What the pages add goes into `digest` and `tally`. */
  constructor(codec: PageCodec, maxPayloadBytes: number, digest: Uint32Array, tally: ImageTally) {
    this.#codec = codec;
    this.#spans = new PageSpans(codec);
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#digest = digest;
    this.#tally = tally;
  }

  of(region: RegionEntry, runs: readonly PageRun[], bytes: Uint8Array): PagesFrameParts[] {
    this.#spans.reset(bytes, region.pageSize);
    const frames = divideSlab(runs, this.#spans, region.pageSize, this.#maxPayloadBytes);
    return frames.map((frame) => this.#frame(region, frame, bytes));
  }

  #frame({ id, pageSize }: RegionEntry, frame: SlabFrame, bytes: Uint8Array): PagesFrameParts {
    const head = new Uint8Array(headBytes(frame));
    const payloadHead = head.subarray(FRAME_HEADER_BYTES);
    writeRunTable(payloadHead, id, frame.runs);
    const views: Uint8Array[] = [];
    let viewStart = 0;
    let viewEnd = 0;
    let payloadCrc = this.#codec.crc32c(payloadHead);
    for (const [index, { firstPage, pageCount, kind }] of frame.runs.entries()) {
      const runBytes = kind === 'zero' ? 0 : pageCount * pageSize;
      this.#tally.add(kindNumber[kind], pageCount, pageSize, runBytes);
      if (kind === 'zero') continue;
      const start = frame.starts[index]!;
      const end = start + runBytes;
      const firstUnit = firstPage * (pageSize / DIGEST_UNIT_BYTES);
      const pages = bytes.subarray(start, end);
      payloadCrc = this.#codec.digestRun(pages, payloadCrc, id, firstUnit, this.#digest);
      if (start !== viewEnd) {
        if (viewEnd > viewStart) views.push(bytes.subarray(viewStart, viewEnd));
        viewStart = start;
      }
      viewEnd = end;
    }
    if (viewEnd > viewStart) views.push(bytes.subarray(viewStart, viewEnd));
    return { head, views, payloadBytes: payloadHead.length + frame.dataBytes, payloadCrc };
  }
}
