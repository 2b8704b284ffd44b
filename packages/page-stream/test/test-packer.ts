import {
  type ChunkPacker,
  type PackedChunk,
  type PackedSlab,
  type PackRequest,
  pureCodec,
} from '../src/index.ts';
import { crc32c } from '../src/crc32c.ts';
import { storeChunks } from '../src/store-chunks.ts';
import { lz4Of } from './chunk-payloads.ts';
import { tinyZstd } from './tiny-zstd.ts';

/** Compresses chunks that are one byte again and again, and deltas that are; ends its jobs in the opposite order, two by two. */
export class TestPacker implements ChunkPacker {
  /** Slabs that were packed and not given back. */
  lent = 0;
  #held: (() => void) | undefined;

  async pack(request: PackRequest): Promise<PackedSlab> {
    const packed = this.#pack(request);
    const before = this.#held;
    if (before) {
      this.#held = undefined;
      queueMicrotask(before);
    } else {
      await new Promise<void>((resolve) => {
        this.#held = resolve;
        setImmediate(resolve);
      });
    }
    return packed;
  }

  #pack(request: PackRequest): PackedSlab {
    const plain = storeChunks(pureCodec, request);
    const forms = request.chunks.map((_, index) => smallForm(request, index));
    if (forms.every((form) => form === undefined)) return plain;
    const bytes = new Uint8Array(request.pages.length);
    let to = 0;
    const chunks = request.chunks.map(({ at, sizeBytes }, index): PackedChunk => {
      const form = forms[index];
      const stored = form?.stored ?? request.pages.subarray(at, at + sizeBytes);
      bytes.set(stored, to);
      const storedAt = to;
      to += Math.ceil(stored.length / 8) * 8;
      return { kind: form?.kind ?? 'data', storedAt, storedBytes: stored.length, storedCrc: crc32c(stored) };
    });
    this.lent++;
    return { chunks, bytes, isSlab: false, digest: plain.digest, release: () => void this.lent-- };
  }
}

function smallForm({ pages, base, chunks }: PackRequest, index: number) {
  const { at, sizeBytes, method } = chunks[index]!;
  if (method === 'none') return undefined;
  const repeat = method === 'lz4' ? lz4Of : tinyZstd;
  const content = pages.subarray(at, at + sizeBytes);
  const old = base?.subarray(at, at + sizeBytes);
  const delta = old && content.map((byte, i) => byte ^ old[i]!);
  if (delta && isUniform(delta))
    return { kind: `delta-${method}` as const, stored: repeat(delta[0]!, sizeBytes) };
  return isUniform(content) ? { kind: method, stored: repeat(content[0]!, sizeBytes) } : undefined;
}

function isUniform(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === bytes[0]);
}
