import { PageStreamError } from './error.ts';
import { features } from './features.ts';
import { FRAME_HEADER_BYTES, type FrameHeader, frameTypeName, frameTypes } from './frame-header.ts';
import type { ImageTotals } from './frames.ts';
import { END_BYTES, readEnd } from './layout/end.ts';
import { readStatePart, type StateProgress } from './layout/guest-state.ts';
import { type ParentIdentity, readParent } from './layout/parent.ts';
import { readRegionTable } from './layout/region-table.ts';
import { readStreamHeader } from './layout/stream-header.ts';
import type { StreamLimits } from './limits.ts';
import type { RegionEntry } from './page-run.ts';
import { frameEnd, type StoredFrames } from './stored-frames.ts';

/** Bytes of an END frame, the last of an image. */
export const END_FRAME_BYTES = FRAME_HEADER_BYTES + END_BYTES;

/** What stands before the pages. */
export interface StoredHead {
  readonly requiredFeatures: number;
  readonly streamId: Uint8Array;
  readonly parent: ParentIdentity | undefined;
  /** Of the PARENT frame. */
  readonly parentOffset: number;
  readonly regions: readonly RegionEntry[];
  /** Where the frames of the pages begin. */
  readonly pagesStart: number;
}

/** Every feature that this version has a layout for: what may be looked at, if not read. A migration stream is never stored. */
const allFeatures = Object.values(features).reduce((all, bit) => all | bit, 0) & ~features.MIGRATION;

class HeadReader {
  readonly #frames: StoredFrames;
  #sequence = 0;
  offset = 0;

  constructor(frames: StoredFrames) {
    this.#frames = frames;
  }

  /** The payload of the next frame that is known, which must be of `type`. */
  next(type: number) {
    for (;;) {
      const header = this.#frames.header(this.offset);
      expectSequence(header, this.#sequence++);
      const skip = !header.known && !header.required && type !== frameTypes.STREAM_HEADER;
      if (!skip && header.type !== type) {
        const message = `${frameTypeName(header.type)} where ${frameTypeName(type)} belongs`;
        throw new PageStreamError('STREAM_UNEXPECTED_FRAME', header.offset, message);
      }
      this.offset = frameEnd(header);
      if (!skip) return this.#frames.payload(header);
    }
  }
}

/**
 * Reads the frames before the pages. `onState` gets each part of the guest state. Throws PageStreamError for what is wrong or out of
 * order.
 */
export function readHead(
  frames: StoredFrames,
  limits: StreamLimits,
  onState: (kind: string, partOffset: number, bytes: Uint8Array) => void = () => {},
): StoredHead {
  const reader = new HeadReader(frames);
  const head = readRegions(frames, limits, reader);
  let state: StateProgress | undefined;
  do {
    const part = readStatePart(reader.next(frameTypes.GUEST_STATE), state, limits);
    onState(part.kind, part.partOffset, part.bytes);
    state = { ...part, receivedBytes: part.partOffset + part.bytes.length };
  } while (state.receivedBytes < state.totalBytes);
  return { ...head, pagesStart: reader.offset };
}

/** The head but for the guest state, which is among the pages then: what can be read of an image whose state is damaged. */
export function readRegions(
  frames: StoredFrames,
  limits: StreamLimits,
  reader = new HeadReader(frames),
): StoredHead {
  const header = readStreamHeader(reader.next(frameTypes.STREAM_HEADER), allFeatures);
  const isIncrement = (header.requiredFeatures & features.PARENT) !== 0;
  const parentOffset = reader.offset;
  const parent = isIncrement ? readParent(reader.next(frameTypes.PARENT)) : undefined;
  const regions = readRegionTable(reader.next(frameTypes.REGION_TABLE), limits);
  return { ...header, parent, parentOffset, regions, pagesStart: reader.offset };
}

export function expectSequence(header: FrameHeader, expected: number): void {
  if (header.sequence === expected) return;
  const message = `sequence number ${header.sequence}, expected ${expected}`;
  throw new PageStreamError('STREAM_SEQUENCE', header.offset + 16, message);
}

/** What END states, which must be the last frame. Throws PageStreamError when it is not there. */
export function readTail(frames: StoredFrames): ImageTotals & { readonly offset: number } {
  const offset = frames.sizeBytes - END_FRAME_BYTES;
  if (offset < 0)
    throw new PageStreamError('STREAM_TRUNCATED', frames.sizeBytes, 'the image ends without END');
  const header = frames.header(offset);
  if (header.type !== frameTypes.END) {
    throw new PageStreamError('STREAM_TRUNCATED', frames.sizeBytes, 'the image ends without END');
  }
  const totals = readEnd(frames.payload(header));
  expectSequence(header, totals.frames);
  return { ...totals, offset };
}

/** The whole guest state, checked. Throws PageStreamError. */
export function readState(frames: StoredFrames, limits: StreamLimits): { kind: string; bytes: Uint8Array } {
  const parts: Uint8Array[] = [];
  let kind = '';
  readHead(frames, limits, (partKind, _, bytes) => {
    kind = partKind;
    parts.push(bytes.slice());
  });
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { kind, bytes };
}
