import type { ImageTotals } from './frames.ts';
import type { ParentIdentity } from './layout/parent.ts';
import { lowerLimits } from './limits.ts';
import type { RegionEntry } from './page-run.ts';
import { pureCodec } from './pure-codec.ts';
import { type ReadAt, StoredFrames } from './stored-frames.ts';
import { readHead, readRegions, readTail } from './stored-head.ts';
import type { OpenOptions } from './stored-image.ts';

/** What a stored image says before its pages. */
export interface ImageHead {
  /** 16 bytes, a copy. */
  readonly streamId: Uint8Array;
  readonly requiredFeatures: number;
  /** What an increment names as its parent. */
  readonly parent: ParentIdentity | undefined;
  readonly regions: readonly RegionEntry[];
}

/** What tells an image from others, and what it builds on. */
export interface ImageIdentity extends ImageHead {
  /** What END states. */
  readonly totals: ImageTotals;
}

type Options = Omit<OpenOptions, 'parent'>;

/**
 * The identity of a stored image, from its first frames and its last: a few small reads, however large it is. The checksums of what is
 * read are right; pages and guest state are not looked at. Throws PageStreamError.
 */
export function readIdentity(readAt: ReadAt, options: Options): ImageIdentity {
  const { frames, limits } = open(readAt, options);
  const head = readRegions(frames, limits);
  const { offset: _, ...totals } = readTail(frames);
  return { ...pick(head), totals };
}

/** The identity of an image whose end may be damaged. Otherwise as `readIdentity`. */
export function readImageRegions(readAt: ReadAt, options: Options): ImageHead {
  const { frames, limits } = open(readAt, options);
  return pick(readRegions(frames, limits));
}

/** All that stands before the pages, the guest state included, its checksums and order checked. Throws PageStreamError. */
export function readImageHead(
  readAt: ReadAt,
  options: Options,
): ImageHead & { readonly state: { kind: string; bytes: Uint8Array } } {
  const { frames, limits } = open(readAt, options);
  const parts: Uint8Array[] = [];
  let kind = '';
  const head = readHead(frames, limits, (partKind, _offset, bytes) => {
    kind = partKind;
    parts.push(Uint8Array.from(bytes));
  });
  return { ...pick(head), state: { kind, bytes: joined(parts) } };
}

function open(readAt: ReadAt, { sizeBytes, codec = pureCodec, limits }: Options) {
  const lowered = lowerLimits(limits);
  return { frames: new StoredFrames(readAt, sizeBytes, codec, lowered), limits: lowered };
}

/** Copies: what `readAt` gave may be used again. */
function pick({ streamId, requiredFeatures, parent, regions }: ImageHead): ImageHead {
  return {
    streamId: Uint8Array.from(streamId),
    requiredFeatures,
    parent: parent && { ...parent, streamId: Uint8Array.from(parent.streamId) },
    regions,
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
