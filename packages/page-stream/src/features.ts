import type { PageCodec } from './codec.ts';

/** Bits of the required features in STREAM_HEADER and of the features in HELLO (FORMAT.md, "Features"). Bit 0 is never given. */
export const features = {
  CHUNKS: 1 << 1,
  LZ4: 1 << 2,
  ZSTD: 1 << 3,
  SAME_AS: 1 << 4,
  PARENT: 1 << 5,
  MIGRATION: 1 << 6,
} as const;

/** The names of the bits of `bits` that have one, e.g. for `inspect`. */
export function featureNames(bits: number): string[] {
  return Object.entries(features).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : [name]));
}

/**
 * What a decoder with these abilities can read: chunks and lz4 always, zstd with a codec that unpacks it, same-as when it can read
 * back, increments with their parent. For `ownHello` of a destination.
 */
export function readableFeatures(abilities: {
  codec?: PageCodec;
  earlier?: unknown;
  parent?: unknown;
}): number {
  let bits = features.CHUNKS | features.LZ4;
  if (abilities.codec?.unpackZstd !== undefined) bits |= features.ZSTD;
  if (abilities.earlier !== undefined) bits |= features.SAME_AS;
  if (abilities.parent !== undefined) bits |= features.PARENT;
  return bits;
}
