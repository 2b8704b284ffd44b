import { pageCodec } from '@stillframe/page-codec';
import { type ChunkOptions, PageStreamEncoder } from '@stillframe/page-stream';
import { MIB } from './benchmark.ts';

const PAGE_BYTES = 4096;
const SLAB_BYTES = MIB;

/** Gives every buffer of the image of `memory` to `take`, as many slabs under way as the packer has buffers. */
export async function eachSlab(
  memory: Uint8Array,
  chunks: ChunkOptions | undefined,
  take: (buffers: readonly Uint8Array[]) => void,
): Promise<void> {
  const encoder = new PageStreamEncoder({
    streamId: new Uint8Array(16),
    codec: pageCodec,
    ...(chunks === undefined ? {} : { chunks }),
  });
  take(encoder.start([{ id: 0, name: 'ram', sizeBytes: memory.length, pageSize: PAGE_BYTES }]));
  take(encoder.state({ kind: 'none', bytes: new Uint8Array() }));
  const slabs: Promise<void>[] = [];
  for (let at = 0; at < memory.length; at += SLAB_BYTES) {
    const bytes = memory.subarray(at, at + SLAB_BYTES);
    const run = { firstPage: at / PAGE_BYTES, pageCount: bytes.length / PAGE_BYTES, kind: 'data' as const };
    if (chunks === undefined) {
      take(encoder.encodePages(0, [run], bytes));
      continue;
    }
    slabs.push(takeSlab(encoder.packPages(0, [run], bytes), take));
    // oxlint-disable-next-line no-await-in-loop -- a bounded number of slabs is under way
    if (slabs.length > SLABS_UNDER_WAY) await slabs.shift();
  }
  await Promise.all(slabs);
  take(encoder.end());
}

const SLABS_UNDER_WAY = 8;

async function takeSlab(
  packing: ReturnType<PageStreamEncoder['packPages']>,
  take: (buffers: readonly Uint8Array[]) => void,
): Promise<void> {
  const encoded = await packing;
  take(encoded.buffers);
  encoded.release();
}

/** The image of `memory`, in memory. */
export async function streamOf(memory: Uint8Array, chunks?: ChunkOptions): Promise<Buffer> {
  const parts: Buffer[] = [];
  await eachSlab(memory, chunks, (buffers) => {
    for (const buffer of buffers) parts.push(Buffer.from(buffer));
  });
  return Buffer.concat(parts);
}
