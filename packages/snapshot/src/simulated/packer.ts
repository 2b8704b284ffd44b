import type { ChunkPacker, PackedSlab, PackRequest, PageCodec } from '@stillframe/page-stream';
import {
  CHUNK_WORDS,
  chunkKinds,
  chunkWord,
  firstUnitOf,
  packMethods,
  pureCodec,
} from '@stillframe/page-stream';
import { packRepeats } from './pack-repeats.ts';

export interface SimulatedPackerOptions {
  /** Slabs that are packed or not given back at a time; any number, and not told, when not given. */
  readonly buffers?: number;
  readonly codec?: PageCodec;
  /** Called before a slab is packed, with its number; the packing waits for it, and fails with what it throws. */
  readonly before?: (slab: number) => void | Promise<void>;
}

/** Written over what was given back, so that a sink which still reads it produces a wrong checksum. */
const RELEASED_FILL = 0xdb;

/** A packer without threads: compresses repeated bytes to LZ4 blocks, of chunks and of their differences to a parent. */
export class SimulatedPacker implements ChunkPacker {
  /** Slabs that were given to it so far. */
  slabs = 0;
  /** Slabs that are being packed. */
  underWay = 0;
  /** Packed slabs that were not given back. */
  lent = 0;
  readonly buffers?: number;
  readonly #options: SimulatedPackerOptions;
  /** Slabs that wait for a buffer. */
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(options: SimulatedPackerOptions = {}) {
    this.#options = options;
    this.#free = options.buffers ?? Number.POSITIVE_INFINITY;
    if (options.buffers !== undefined) this.buffers = options.buffers;
  }

  async pack(request: PackRequest): Promise<PackedSlab> {
    this.underWay += 1;
    const slab = this.slabs++;
    let packed: PackedSlab | undefined;
    try {
      await this.#buffer();
      await this.#options.before?.(slab);
      packed = this.#pack(request);
      return packed;
    } finally {
      this.underWay -= 1;
      if (packed?.isSlab !== false) this.#freeOne();
    }
  }

  async #buffer(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #freeOne(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }

  #pack({ region, pages, base, chunks, minSaving }: PackRequest): PackedSlab {
    const { codec = pureCodec } = this.#options;
    const digest = new Uint32Array(2);
    const gone = new Uint32Array(2);
    const parts: Uint8Array[] = [];
    let storedAt = 0;
    let isPacked = false;
    for (let from = 0; from < chunks.length; from += CHUNK_WORDS) {
      const at = chunks[from + chunkWord.at]!;
      const sizeBytes = chunks[from + chunkWord.sizeBytes]!;
      const firstUnit = firstUnitOf(chunks, from);
      const isTried = packMethods[chunks[from + chunkWord.method]!] === 'lz4';
      const bytes = pages.subarray(at, at + sizeBytes);
      const old = base?.subarray(at, at + sizeBytes);
      codec.digestRun(bytes, 0, region, firstUnit, digest);
      if (old !== undefined) codec.digestRun(old, 0, region, firstUnit, gone);
      const form = isTried ? smallest(bytes, old, sizeBytes * (1 - minSaving / 1024)) : undefined;
      const { kind, stored } = form ?? { kind: 'data' as const, stored: bytes };
      isPacked ||= kind !== 'data';
      chunks.set(
        [chunkKinds.indexOf(kind), stored.length, codec.crc32c(stored), storedAt],
        from + chunkWord.kind,
      );
      const padded = new Uint8Array(Math.ceil(stored.length / 8) * 8);
      padded.set(stored);
      parts.push(padded);
      storedAt += padded.length;
    }
    const bytes = joined(parts, storedAt);
    const answer = { chunks, digest: difference(digest, gone), storedCrc: codec.crc32c(bytes) };
    if (!isPacked) {
      for (let from = 0; from < chunks.length; from += CHUNK_WORDS) {
        chunks[from + chunkWord.storedAt] = chunks[from + chunkWord.at]!;
      }
      return { ...answer, bytes: pages, isSlab: true, release: () => {} };
    }
    this.lent += 1;
    return { ...answer, bytes, isSlab: false, release: this.#giveBack(bytes) };
  }

  #giveBack(bytes: Uint8Array): () => void {
    let isReleased = false;
    return () => {
      if (isReleased) throw new Error('a packed slab was released twice');
      isReleased = true;
      bytes.fill(RELEASED_FILL);
      this.lent -= 1;
      this.#freeOne();
    };
  }
}

/** The smaller of the chunk and its difference to the old one; undefined when both need more than `maxBytes`. */
function smallest(bytes: Uint8Array, old: Uint8Array | undefined, maxBytes: number) {
  const plain = { kind: 'lz4' as const, stored: packRepeats(bytes) };
  const delta = old && {
    kind: 'delta-lz4' as const,
    stored: packRepeats(bytes.map((byte, index) => byte ^ old[index]!)),
  };
  const best = delta !== undefined && delta.stored.length < plain.stored.length ? delta : plain;
  return best.stored.length <= maxBytes ? best : undefined;
}

/** Modulo 2^64, in halves of 32 bits. */
function difference(a: Uint32Array, b: Uint32Array): Uint32Array {
  const result = BigInt.asUintN(64, wide(a) - wide(b));
  return Uint32Array.of(Number(result & 0xffff_ffffn), Number(result >> 32n));
}

function wide(halves: Uint32Array): bigint {
  return (BigInt(halves[1]!) << 32n) | BigInt(halves[0]!);
}

function joined(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
