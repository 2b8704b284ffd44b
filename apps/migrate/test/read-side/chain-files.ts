import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { Packer, pageCodec } from '@stillframe/page-codec';
import {
  type ChunkOptions,
  openImage,
  PageStreamEncoder,
  type ParentImage,
  type StoredImage,
} from '@stillframe/page-stream';
import { fileOf } from './image-files.ts';

export const PAGE = 4096;
const SLAB_PAGES = 64;

/** Memory of two regions, of 160 and 24 pages. */
export interface Memory {
  readonly heap: Uint8Array;
  readonly stack: Uint8Array;
}

/** Pages that compress, pages that do not, pages that are alike, zeros. */
export function someMemory(): Memory {
  const heap = new Uint8Array(160 * PAGE);
  for (let page = 0; page < 120; page++) {
    const bytes = heap.subarray(page * PAGE, (page + 1) * PAGE);
    if (page % 5 === 0) bytes.set(randomBytes(PAGE));
    else bytes.forEach((_, at) => (bytes[at] = (at >> 4) + page));
  }
  heap.copyWithin(100 * PAGE, 40 * PAGE, 48 * PAGE);
  return { heap, stack: new Uint8Array(24 * PAGE).fill(5, 0, 9 * PAGE) };
}

export function copyOf({ heap, stack }: Memory): Memory {
  return { heap: heap.slice(), stack: stack.slice() };
}

export function regionsOf({ heap, stack }: Memory) {
  return [
    { id: 0, name: 'heap', sizeBytes: heap.length, pageSize: PAGE },
    { id: 1, name: 'stack', sizeBytes: stack.length, pageSize: PAGE },
  ];
}

export interface EncodeOptions {
  readonly method?: 'lz4' | 'zstd';
  readonly parent?: ParentImage;
  readonly sameAs?: boolean;
  readonly index?: boolean;
  /** 16 times; 1 when not given. */
  readonly id?: number;
  readonly state?: Uint8Array;
}

/** An image in CHUNKS frames. */
export async function encodeChunked(memory: Memory, options: EncodeOptions = {}): Promise<Uint8Array> {
  const { method, parent, sameAs = false, index = true, id = 1, state = new Uint8Array([id]) } = options;
  const packer = new Packer({ threads: 1 });
  try {
    const chunks: ChunkOptions = {
      packer,
      sameAs,
      index,
      ...(method === undefined ? {} : { compression: { method } }),
      ...(parent === undefined ? {} : { parent }),
    };
    const encoder = new PageStreamEncoder({
      streamId: new Uint8Array(16).fill(id),
      codec: pageCodec,
      chunks,
    });
    const parts = [...encoder.start(regionsOf(memory)), ...encoder.state({ kind: 'test@1', bytes: state })];
    for (const [region, bytes] of [memory.heap, memory.stack].entries()) {
      for (let page = 0; page * PAGE < bytes.length; page += SLAB_PAGES) {
        const slab = bytes.slice(page * PAGE, (page + SLAB_PAGES) * PAGE);
        const run = { firstPage: page, pageCount: slab.length / PAGE, kind: 'data' } as const;
        // oxlint-disable-next-line no-await-in-loop -- in order
        const packed = await encoder.packPages(region, [run], slab);
        parts.push(...packed.buffers.map((buffer) => new Uint8Array(buffer)));
        packed.release();
      }
    }
    return new Uint8Array(Buffer.concat([...parts, ...encoder.end()]));
  } finally {
    packer.close();
  }
}

export function opened(bytes: Uint8Array, parent?: ParentImage): StoredImage {
  return openImage((offset, length) => bytes.subarray(offset, offset + length), {
    sizeBytes: bytes.length,
    codec: pageCodec,
    ...(parent === undefined ? {} : { parent }),
  });
}

export interface StoredChain {
  /** What the last image shows. */
  readonly memory: Memory;
  /** Of the files, the full image first. */
  readonly paths: readonly [string, string, string];
  readonly bytes: readonly [Uint8Array, Uint8Array, Uint8Array];
}

/** A full image and two increments in `folder`. Pages change a little, change wholly, become zero, and stop being zero. */
export async function storedChain(folder: string): Promise<StoredChain> {
  const memory = someMemory();
  const base = await encodeChunked(memory, { method: 'lz4', sameAs: true, id: 1 });
  memory.heap[3 * PAGE + 7]! ^= 1;
  memory.heap.fill(0, 20 * PAGE, 30 * PAGE);
  memory.heap.set(randomBytes(4 * PAGE), 130 * PAGE);
  const middle = await encodeChunked(memory, { method: 'zstd', parent: opened(base), id: 2 });
  memory.heap.fill(0, 131 * PAGE, 132 * PAGE);
  memory.stack.fill(6, 2 * PAGE, 3 * PAGE);
  const parent = opened(middle, opened(base));
  const top = await encodeChunked(memory, { method: 'lz4', parent, sameAs: true, id: 3 });
  return {
    memory,
    bytes: [base, middle, top],
    paths: [
      await fileOf(folder, 'base.sfp', base),
      await fileOf(folder, 'middle.sfp', middle),
      await fileOf(folder, 'top.sfp', top),
    ],
  };
}

/** The files of a restored directory. */
export function memoryFiles(directory: string): [string, string] {
  return [path.join(directory, 'heap.mem'), path.join(directory, 'stack.mem')];
}
