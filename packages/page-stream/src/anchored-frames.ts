import { PageStreamError } from './error.ts';
import { FRAME_HEADER_BYTES, type FrameHeader, frameTypes } from './frame-header.ts';
import type { PageMap } from './page-map.ts';
import { frameEnd, type StoredFrames } from './stored-frames.ts';

/** How much is searched at a time. */
const SEARCH_BYTES = 1024 * 1024;

/** "SFP1", as a little-endian number. */
const MAGIC = 0x31504653;

/**
 * The frames of a damaged image that certainly are frames of it: FORMAT.md, "Damaged images". Those in a chain from `pagesStart` on;
 * behind a break those that `map`, of a valid index, names, or else those in a chain that ends with END at the last byte. Bytes that only
 * look like frames, such as a page stream in the memory of a guest, are not among them.
 */
export function* anchoredFrames(
  frames: StoredFrames,
  pagesStart: number,
  map: PageMap | undefined,
): Generator<FrameHeader> {
  let offset = pagesStart;
  let sequence: number | undefined;
  for (let header = headerAt(frames, offset); header; header = headerAt(frames, offset)) {
    if (sequence !== undefined && header.sequence !== sequence) break;
    yield header;
    sequence = header.sequence + 1;
    offset = frameEnd(header);
    if (header.type === frameTypes.END) return;
  }
  if (map) {
    const offsets = new Set<number>();
    for (const { frameOffset } of map.entries()) if (frameOffset >= offset) offsets.add(frameOffset);
    for (const named of [...offsets].toSorted((a, b) => a - b)) {
      const header = headerAt(frames, named);
      if (header) yield header;
    }
    return;
  }
  yield* tailChain(frames, offset, sequence ?? 0);
}

function headerAt(frames: StoredFrames, offset: number): FrameHeader | undefined {
  try {
    const header = frames.header(offset);
    return frameEnd(header) > frames.sizeBytes ? undefined : header;
  } catch (error) {
    if (error instanceof PageStreamError) return undefined;
    throw error;
  }
}

/** The longest chain behind `from` that ends with END at the last byte, with sequence numbers from `sequence` on. */
function tailChain(frames: StoredFrames, from: number, sequence: number): FrameHeader[] {
  /** Frames whose chain ends badly, so that no part of a chain is followed twice. */
  const dead = new Set<number>();
  for (const candidate of candidates(frames, from)) {
    const chain: FrameHeader[] = [];
    for (let at = candidate; !dead.has(at); ) {
      const header = headerAt(frames, at);
      const last = chain.at(-1);
      if (!header || header.sequence !== (last ? last.sequence + 1 : Math.max(header.sequence, sequence)))
        break;
      chain.push(header);
      at = frameEnd(header);
      if (header.type === frameTypes.END && at === frames.sizeBytes) return chain;
    }
    dead.add(candidate);
    for (const { offset } of chain) dead.add(offset);
  }
  return [];
}

/** Offsets that begin with the magic. */
function* candidates(frames: StoredFrames, from: number): Generator<number> {
  for (let start = from; start + FRAME_HEADER_BYTES <= frames.sizeBytes; start += SEARCH_BYTES) {
    const length = Math.min(SEARCH_BYTES, frames.sizeBytes - start);
    // Found first, because what is done with one reads elsewhere.
    const found: number[] = [];
    const bytes = frames.bytes(start, length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 4 <= length; at += 8)
      if (view.getUint32(at, true) === MAGIC) found.push(start + at);
    yield* found;
  }
}
