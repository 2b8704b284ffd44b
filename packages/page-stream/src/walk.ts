import { PageStreamError } from './error.ts';
import {
  FRAME_HEADER_BYTES,
  type FrameHeader,
  frameTypeName,
  frameTypes,
  readFrameHeader,
} from './frame-header.ts';
import type { ImageTotals } from './frames.ts';
import { CHUNKS_HEAD_BYTES, type ChunkKind, chunkTableBytes, sumChunks } from './layout/chunks.ts';
import { END_BYTES, readEnd } from './layout/end.ts';
import { PAGES_HEAD_BYTES, runTableBytes, sumRuns } from './layout/pages.ts';
import { formatLimits } from './limits.ts';
import { Payload } from './payload.ts';

/** Counts of a PAGES or CHUNKS frame, from its run table. */
export interface PagesSummary {
  readonly region: number;
  readonly runCount: number;
  /** All but zero pages. */
  readonly dataPages: number;
  readonly zeroPages: number;
}

/** How the pages of a CHUNKS frame are stored, from its run table. */
export interface ChunksSummary {
  readonly pagesByKind: Readonly<Record<ChunkKind, number>>;
  /** Stored bytes of each kind, without padding. */
  readonly bytesByKind: Readonly<Record<ChunkKind, number>>;
}

/** One frame of a stream, from its header and, for PAGES and CHUNKS, its run table, for END its totals. */
export interface FrameSummary {
  readonly offset: number;
  readonly type: number;
  /** The name in FORMAT.md, e.g. `PAGES`, or `UNKNOWN`. */
  readonly typeName: string;
  readonly required: boolean;
  readonly sequence: number;
  readonly payloadBytes: number;
  /** Header and payload. */
  readonly frameBytes: number;
  /** Only for PAGES and CHUNKS. */
  readonly pages?: PagesSummary;
  /** Only for CHUNKS. */
  readonly chunks?: ChunksSummary;
  /** Only for END: what it states of the whole image. */
  readonly end?: ImageTotals;
}

type Read = (offset: number, length: number) => Uint8Array;

/**
 * Lists the frames of a stream without reading page bytes, so payload checksums, order and contents are not checked: for looking, not
 * for believing.
 *
 * `read` returns `length` bytes at `offset`, fewer only at the end. Throws PageStreamError where the chain of headers breaks, and
 * STREAM_TRUNCATED, with the offset of the frame, when the last one is cut.
 */
export function* walkFrames(read: Read): Generator<FrameSummary> {
  for (let offset = 0; ; ) {
    const head = read(offset, FRAME_HEADER_BYTES);
    if (head.length === 0) return;
    if (head.length < FRAME_HEADER_BYTES) throw truncated(offset);
    const header = readFrameHeader(head, offset, formatLimits);
    const end = offset + FRAME_HEADER_BYTES + header.payloadBytes;
    if (read(end - 1, 1).length < 1) throw truncated(offset);
    yield summarise(header, read);
    offset = end;
  }
}

function summarise(header: FrameHeader, read: Read): FrameSummary {
  const { offset, type, required, sequence, payloadBytes } = header;
  const frameBytes = FRAME_HEADER_BYTES + payloadBytes;
  const summary = {
    offset,
    type,
    typeName: frameTypeName(type),
    required,
    sequence,
    payloadBytes,
    frameBytes,
  };
  if (type === frameTypes.PAGES) return { ...summary, pages: readPagesSummary(header, read) };
  if (type === frameTypes.CHUNKS) return { ...summary, ...readChunksSummary(header, read) };
  if (type === frameTypes.END) return { ...summary, end: readEndSummary(header, read) };
  return summary;
}

function readEndSummary(header: FrameHeader, read: Read): ImageTotals {
  const start = header.offset + FRAME_HEADER_BYTES;
  return readEnd(new Payload(header, read(start, Math.min(header.payloadBytes, END_BYTES + 1))));
}

function readPagesSummary(header: FrameHeader, read: Read): PagesSummary {
  const start = header.offset + FRAME_HEADER_BYTES;
  const head = new Payload(header, read(start, Math.min(header.payloadBytes, PAGES_HEAD_BYTES)));
  const tableBytes = Math.min(header.payloadBytes, runTableBytes(head));
  return sumRuns(new Payload(header, read(start, tableBytes)));
}

function readChunksSummary(header: FrameHeader, read: Read): { pages: PagesSummary; chunks: ChunksSummary } {
  const start = header.offset + FRAME_HEADER_BYTES;
  const head = new Payload(header, read(start, Math.min(header.payloadBytes, CHUNKS_HEAD_BYTES)));
  const tableBytes = Math.min(header.payloadBytes, chunkTableBytes(head));
  return sumChunks(new Payload(header, read(start, tableBytes)));
}

function truncated(offset: number): PageStreamError {
  return new PageStreamError('STREAM_TRUNCATED', offset, 'the stream ends within this frame');
}
