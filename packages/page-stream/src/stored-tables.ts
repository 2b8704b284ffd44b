import { PageStreamError } from './error.ts';
import type { PageSpan } from './frames.ts';
import { type FrameHeader, frameTypeName, frameTypes } from './frame-header.ts';
import { CHUNKS_HEAD_BYTES, type ChunkTable, chunkTableBytes, readChunkTable } from './layout/chunks.ts';
import { PAGES_HEAD_BYTES, readRunTable, type RunTable, runTableBytes } from './layout/pages.ts';
import type { StreamLimits } from './limits.ts';
import type { Payload } from './payload.ts';
import type { StoredFrames } from './stored-frames.ts';
import type { StoredHead } from './stored-head.ts';

/** The pages of one frame of a stored image: a CHUNKS table, or a PAGES table with the payload that it had to be checked with. */
export type StoredTable =
  | { readonly type: 'chunks'; readonly header: FrameHeader; readonly table: ChunkTable }
  | {
      readonly type: 'pages';
      readonly header: FrameHeader;
      readonly table: RunTable;
      readonly payload: Payload;
    };

/** The region and the runs of a frame with pages; those of PAGES unchecked, because that needs the whole payload. */
export function readSpans(
  frames: StoredFrames,
  header: FrameHeader,
  head: Pick<StoredHead, 'regions' | 'requiredFeatures'>,
  limits: StreamLimits,
): Pick<RunTable, 'region'> & { readonly runs: readonly PageSpan[] } {
  if (header.type !== frameTypes.PAGES) return readTable(frames, header, head, limits).table;
  const tableBytes = runTableBytes(frames.part(header, PAGES_HEAD_BYTES));
  return readRunTable(frames.part(header, tableBytes), head.regions, header.payloadBytes);
}

/** Whether frames of this type hold pages. */
export function holdsPages({ type }: FrameHeader): boolean {
  return type === frameTypes.PAGES || type === frameTypes.CHUNKS;
}

/** The run table of a frame with pages, its checksums right. Throws PageStreamError. */
export function readTable(
  frames: StoredFrames,
  header: FrameHeader,
  head: Pick<StoredHead, 'regions' | 'requiredFeatures'>,
  { maxPayloadBytes }: StreamLimits,
): StoredTable {
  if (header.type === frameTypes.PAGES) {
    // Copied: the bytes of `readAt` are valid until the next call.
    const payload = frames.payload(header).copy();
    return { type: 'pages', header, table: readRunTable(payload, head.regions), payload };
  }
  if (header.type !== frameTypes.CHUNKS) {
    const message = `${frameTypeName(header.type)} where pages were expected`;
    throw new PageStreamError('STREAM_UNEXPECTED_FRAME', header.offset, message);
  }
  const tableBytes = chunkTableBytes(frames.part(header, CHUNKS_HEAD_BYTES));
  const context = {
    regions: head.regions,
    features: head.requiredFeatures,
    maxPayloadBytes,
    crc32c: (bytes: Uint8Array, seed?: number) => frames.codec.crc32c(bytes, seed),
  };
  const table = readChunkTable(frames.part(header, tableBytes), context, header.payloadBytes);
  return { type: 'chunks', header, table };
}
