import { joinCrc } from './append-crc.ts';
import type { ChunkRuns } from './chunk-runs.ts';
import { CHUNK_WORDS, chunkWord } from './chunk-table.ts';
import type { PageCodec } from './codec.ts';
import { FRAME_HEADER_BYTES } from './frame-header.ts';
import { kindNumber } from './layout/chunks.ts';
import type { PackedSlab } from './packer.ts';
import type { PlannedSlab } from './slab-planner.ts';
import { pad8 } from './u64.ts';

/** A CHUNKS frame that lacks only its header, for which `head` has room at its start. */
export interface ChunkFrame {
  readonly head: Uint8Array;
  readonly views: readonly Uint8Array[];
  readonly payloadBytes: number;
  readonly payloadCrc: number;
  readonly runs: ChunkRuns;
}

const padding = new Uint8Array(8);

/** Puts planned frames and packed chunks together. One pass over the runs, in numbers. */
export class ChunkFrames {
  readonly #codec: PageCodec;
  readonly #crc32c: (bytes: Uint8Array, seed?: number) => number;

  constructor(codec: PageCodec) {
    this.#codec = codec;
    this.#crc32c = (bytes, seed) => codec.crc32c(bytes, seed);
  }

  /** The frames of a slab, with views of `packed.bytes`. */
  of(
    { frames, chunks, region }: PlannedSlab & { readonly region: { readonly id: number } },
    packed: PackedSlab,
  ) {
    // With one frame the checksum of all that is stored is that of its stored bytes.
    const storedCrc = frames.length === 1 && chunks.count > 0 ? packed.storedCrc : undefined;
    return frames.map((runs) => this.#frame(region.id, runs, packed, storedCrc));
  }

  #frame(region: number, runs: ChunkRuns, packed: PackedSlab, knownCrc: number | undefined): ChunkFrame {
    const { chunks, bytes } = packed;
    const views: Uint8Array[] = [];
    let viewStart = 0;
    let viewEnd = 0;
    let stored = 0;
    let crc = 0;
    for (let index = 0; index < runs.count; index++) {
      if (runs.kind(index) !== kindNumber.data) continue;
      const from = CHUNK_WORDS * runs.storedBytes(index);
      const storedBytes = chunks[from + chunkWord.storedBytes]!;
      const storedCrc = chunks[from + chunkWord.storedCrc]!;
      const storedAt = chunks[from + chunkWord.storedAt]!;
      runs.settle(index, chunks[from + chunkWord.kind]!, storedBytes, storedCrc);
      const padded = pad8(storedBytes);
      if (knownCrc === undefined) crc = this.#append(crc, storedCrc, storedBytes, padded);
      stored += padded;
      if (storedAt !== viewEnd) {
        if (viewEnd > viewStart) views.push(bytes.subarray(viewStart, viewEnd));
        viewStart = storedAt;
      }
      viewEnd = storedAt + padded;
    }
    if (viewEnd > viewStart) views.push(bytes.subarray(viewStart, viewEnd));
    const head = runs.seal(region, this.#crc32c);
    const payloadHead = head.subarray(FRAME_HEADER_BYTES);
    const payloadCrc = joinCrc(this.#codec, this.#crc32c(payloadHead), knownCrc ?? crc, stored);
    return { head, views, payloadBytes: payloadHead.length + stored, payloadCrc, runs };
  }

  #append(crc: number, storedCrc: number, storedBytes: number, padded: number): number {
    const appended = joinCrc(this.#codec, crc, storedCrc, storedBytes);
    return padded === storedBytes
      ? appended
      : this.#crc32c(padding.subarray(0, padded - storedBytes), appended);
  }
}
