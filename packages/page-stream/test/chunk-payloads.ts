import { crc32c } from '../src/crc32c.ts';
import { concat, pack } from './raw-frames.ts';
import { streamId } from './sample-streams.ts';

/** Payloads of CHUNKS, PARENT and INDEX, right or wrong, without the encoder. What is not given is right. */

export const KIND = {
  data: 0,
  zero: 1,
  lz4: 2,
  zstd: 3,
  sameAs: 4,
  parent: 5,
  deltaLz4: 6,
  deltaZstd: 7,
} as const;

/** Feature bits. */
export const FEATURE = { chunks: 2, lz4: 4, zstd: 8, sameAs: 16, parent: 32 } as const;

export interface RawChunk {
  readonly first: number | bigint;
  readonly count: number;
  readonly kind: number;
  readonly stored?: Uint8Array;
  readonly storedLength?: number;
  readonly storedCrc?: number;
  readonly sourceRegion?: number;
  readonly sourcePage?: number;
  readonly padding?: Uint8Array;
}

export function chunks(
  runs: readonly RawChunk[],
  over: { region?: number; runCount?: number; tableCrc?: number; reserved?: number; tail?: Uint8Array } = {},
) {
  const head = pack([4, over.region ?? 0], [4, over.runCount ?? runs.length]);
  const none = new Uint8Array();
  const table = concat(
    runs.map(({ first, count, kind, stored = none, storedLength, storedCrc, sourceRegion, sourcePage }) =>
      pack(
        [8, first],
        [4, count],
        [4, kind],
        [4, storedLength ?? stored.length],
        [4, storedCrc ?? crc32c(stored)],
        [4, sourceRegion ?? 0],
        [4, sourcePage ?? 0],
      ),
    ),
  );
  const bytes = runs.flatMap(({ stored = none, padding }) => [
    stored,
    padding ?? new Uint8Array((8 - (stored.length % 8)) % 8),
  ]);
  const tableCrc = over.tableCrc ?? crc32c(concat([head, table]));
  return concat([head, pack([4, tableCrc], [4, over.reserved ?? 0]), table, ...bytes, over.tail ?? none]);
}

export function parent(
  over: { digest?: bigint; streamId?: Uint8Array; chain?: number; reserved?: number } = {},
) {
  return pack(
    [8, over.digest ?? 0xce61614463bb11c7n],
    over.streamId ?? streamId,
    [4, over.chain ?? 1],
    [4, over.reserved ?? 0],
  );
}

/** An LZ4 block of `size` times `byte`: one literal, one match that overlaps itself, five literals. */
export function lz4Of(byte: number, size: number): Uint8Array {
  const match = size - 1 - 5;
  const rest = match - 4 - 15;
  const long = [...new Uint8Array(Math.floor(rest / 255)).fill(255), rest % 255];
  return Uint8Array.of(0x1f, byte, 1, 0, ...long, 0x50, ...new Uint8Array(5).fill(byte));
}
