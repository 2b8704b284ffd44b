import {
  CHUNK_WORDS,
  chunkKinds,
  type ChunkPacker,
  chunkWord,
  type PackedSlab,
  packMethods,
  type PackMethod,
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
  readonly #knowsCrc: boolean;
  #held: (() => void) | undefined;

  /** With or without the checksum of all that is stored. */
  constructor({ knowsCrc = false }: { readonly knowsCrc?: boolean } = {}) {
    this.#knowsCrc = knowsCrc;
  }

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
    const chunks = request.chunks.slice();
    const plain = storeChunks(pureCodec, { ...request, chunks });
    const forms = rowsOf(request).map((row) => smallForm(request, row));
    if (forms.every((form) => form === undefined)) return plain;
    const bytes = new Uint8Array(request.pages.length);
    let to = 0;
    for (const [index, { at, sizeBytes }] of rowsOf(request).entries()) {
      const form = forms[index];
      const stored = form?.stored ?? request.pages.subarray(at, at + sizeBytes);
      bytes.set(stored, to);
      const kind = chunkKinds.indexOf(form?.kind ?? 'data');
      chunks.set([kind, stored.length, crc32c(stored), to], CHUNK_WORDS * index + chunkWord.kind);
      to += Math.ceil(stored.length / 8) * 8;
    }
    this.lent++;
    const storedCrc = crc32c(bytes.subarray(0, to));
    const release = () => void this.lent--;
    const known = this.#knowsCrc ? { storedCrc } : {};
    return { chunks, bytes, isSlab: false, digest: plain.digest, release, ...known };
  }
}

interface Row {
  readonly at: number;
  readonly sizeBytes: number;
  readonly method: PackMethod;
}

function rowsOf({ chunks }: PackRequest): Row[] {
  return Array.from({ length: chunks.length / CHUNK_WORDS }, (_, index) => {
    const row = chunks.subarray(CHUNK_WORDS * index);
    const method = packMethods[row[chunkWord.method]!]!;
    return { at: row[chunkWord.at]!, sizeBytes: row[chunkWord.sizeBytes]!, method };
  });
}

function smallForm({ pages, base }: PackRequest, { at, sizeBytes, method }: Row) {
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
