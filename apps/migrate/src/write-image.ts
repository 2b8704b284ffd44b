import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type ChunkOptions,
  type EncodedPages,
  type ImageTotals,
  PageStreamEncoder,
  type RegionEntry,
} from '@stillframe/page-stream';
import type { GuestState } from '@stillframe/snapshot';
import { pageCodec } from './codec.ts';
import type { AtomicFile } from './io/atomic-file.ts';

/** How much is read and packed at a time. */
const SLAB_BYTES = 1024 * 1024;

/** The page count of a run is a u32. */
const ZERO_RUN_PAGES = 2 ** 31;

/** Memory that stands still, wherever its pages are. */
export interface PagesToWrite {
  readonly regions: readonly RegionEntry[];
  readonly state: GuestState;
  /** Of `page` and those up to `end`, which is behind it: whether they are zeros, so that there is nothing to read. */
  owner(region: number, page: number): { readonly isZero: boolean; readonly end: number };
  /** Fills `pages`, which `owner` has said to be of one kind. */
  readPages(region: number, firstPage: number, pages: Uint8Array): void | Promise<void>;
}

export interface WriteImageOptions {
  readonly chunks: ChunkOptions;
  readonly signal?: AbortSignal;
  readonly onPages?: (donePages: number, bytes: number) => void;
}

/** A full image that was written. */
export interface WrittenImage {
  readonly totals: ImageTotals;
  readonly bytes: number;
  /** 32 hexadecimal digits. */
  readonly streamId: string;
}

/** Appends an image, complete in itself and with an id of its own, to `file`; does not commit it. Throws the reason of `signal`. */
export async function writeImage(
  pages: PagesToWrite,
  file: AtomicFile,
  { chunks, signal, onPages }: WriteImageOptions,
): Promise<WrittenImage> {
  const streamId = randomBytes(16);
  const encoder = new PageStreamEncoder({ streamId, codec: pageCodec, chunks });
  const writer = new PackedWriter(file);
  await writer.write([...encoder.start(pages.regions), ...encoder.state(pages.state)]);
  for (const { id, sizeBytes, pageSize } of pages.regions) {
    for (let page = 0; page < sizeBytes / pageSize; ) {
      const { isZero, end } = pages.owner(id, page);
      const atOnce = isZero ? ZERO_RUN_PAGES : Math.max(1, Math.floor(SLAB_BYTES / pageSize));
      const stop = Math.min(end, page + atOnce, sizeBytes / pageSize);
      const slab = new Uint8Array(isZero ? 0 : (stop - page) * pageSize);
      // oxlint-disable-next-line no-await-in-loop -- in order
      if (!isZero) await pages.readPages(id, page, slab);
      const run = { firstPage: page, pageCount: stop - page, kind: isZero ? 'zero' : 'data' } as const;
      // oxlint-disable-next-line no-await-in-loop -- one is written while the next is packed
      await writer.add(encoder.packPages(id, [run], slab));
      onPages?.(run.pageCount, slab.byteLength);
      page = stop;
      // oxlint-disable-next-line no-await-in-loop -- reading is synchronous
      await turn();
      signal?.throwIfAborted();
    }
  }
  await writer.flush();
  await writer.write(encoder.end());
  return { totals: encoder.totals, bytes: writer.bytes, streamId: streamId.toString('hex') };
}

/** Writes frames in order, one slab behind the packing. */
class PackedWriter {
  readonly #file: AtomicFile;
  #pending: Promise<EncodedPages> | undefined;
  bytes = 0;

  constructor(file: AtomicFile) {
    this.#file = file;
  }

  async add(packing: Promise<EncodedPages>): Promise<void> {
    // Whoever takes it hears of a failure; until then it is nobody's.
    packing.catch(() => undefined);
    const before = this.#pending;
    this.#pending = packing;
    if (before !== undefined) await this.#take(before);
  }

  async flush(): Promise<void> {
    if (this.#pending !== undefined) await this.#take(this.#pending);
    this.#pending = undefined;
  }

  async write(buffers: readonly Uint8Array[]): Promise<void> {
    await this.#file.append(buffers);
    for (const { byteLength } of buffers) this.bytes += byteLength;
  }

  async #take(packing: Promise<EncodedPages>): Promise<void> {
    const packed = await packing;
    try {
      await this.write(packed.buffers);
    } finally {
      packed.release();
    }
  }
}
