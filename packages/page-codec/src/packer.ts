import { availableParallelism } from 'node:os';
import addon from '#native';
import type { PackedSlab, PackRequest } from './pack-request.ts';

/** Beside one for each thread: slabs that wait for their turn at the sink, so that several can go through together and the threads go on. */
const BUFFERS_BESIDE = 4;

/** A slab of this size needs no new buffer. */
const DEFAULT_BUFFER_BYTES = 1024 * 1024;

export interface PackerOptions {
  /** Threads of its own; default one fewer than there are cores, at least 1, at most 64. */
  readonly threads?: number;
  /** Slabs that may be packed or wait for their `release` at a time, each with a buffer of its size; default 4 more than threads. */
  readonly buffers?: number;
}

/** Thrown by `pack`; `code` is stable. */
export class PackerError extends Error {
  override readonly name = 'PackerError';
  readonly code: 'PACKER_CLOSED' | 'PACKER_OUT_OF_MEMORY';
  readonly hint: string;

  constructor(code: PackerError['code'], message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

interface Job {
  readonly request: PackRequest;
  readonly out: Uint8Array;
  readonly resolve: (slab: PackedSlab) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Compresses slabs on native threads of its own: the `ChunkPacker` that `PageStreamEncoder` takes.
 *
 * Memory: `buffers` times the largest slab so far, and about 200 KiB (lz4) or 1.3 MiB (zstd) for each thread. `pack` waits while all
 * buffers are in use, in the order of the calls. Jobs end in any order.
 *
 * Threads read `pages` and `base` until the promise settles; nothing may write, resize, transfer or unmap them meanwhile. While a job
 * is under way the process does not end by itself. `close()` may come at any time, and comes by itself when the environment ends.
 */
export class Packer {
  readonly threads: number;
  readonly buffers: number;
  readonly #native: InstanceType<typeof addon.Packer>;
  readonly #jobs = new Map<number, Job>();
  readonly #free: Uint8Array[];
  readonly #waiting: Omit<Job, 'out'>[] = [];
  #nextTicket = 0;
  #isClosed = false;

  /** RangeError for options outside their range. */
  constructor({ threads = defaultThreads(), buffers = threads + BUFFERS_BESIDE }: PackerOptions = {}) {
    if (!Number.isInteger(threads) || threads < 1 || threads > 64) {
      throw new RangeError(`threads is ${threads}; 1 to 64`);
    }
    if (!Number.isInteger(buffers) || buffers < 1 || buffers > 1024) {
      throw new RangeError(`buffers is ${buffers}; 1 to 1024`);
    }
    this.threads = threads;
    this.buffers = buffers;
    this.#free = Array.from({ length: buffers }, () => new Uint8Array());
    this.#native = new addon.Packer(threads, (ticket, done, packed, low, high, storedCrc) => {
      this.#finish(ticket, done, packed, Uint32Array.of(low, high), storedCrc);
    });
  }

  /** Buffers that are not in use. */
  get freeBuffers(): number {
    return this.#free.length;
  }

  /**
   * Packs one slab. Rejects with PackerError PACKER_CLOSED, PACKER_OUT_OF_MEMORY, or RangeError for chunks outside the slab; then no
   * buffer is in use for it.
   */
  pack(request: PackRequest): Promise<PackedSlab> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw closed();
      const free = this.#free.pop();
      if (free === undefined) this.#waiting.push({ request, resolve, reject });
      else this.#submit(request, free, resolve, reject);
    });
  }

  /** Joins the threads, which end the chunk at hand, and rejects what is under way. Buffers that are lent stay valid. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#native.close();
    for (const { reject } of this.#waiting.splice(0)) reject(closed());
    for (const { out, reject } of this.#jobs.values()) {
      this.#giveBack(out);
      reject(closed());
    }
    this.#jobs.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #submit(request: PackRequest, free: Uint8Array, resolve: Job['resolve'], reject: Job['reject']): void {
    const { pages, base, chunks, region, level, minSaving } = request;
    const out = free.length >= pages.length ? free : roomFor(pages.length);
    const ticket = this.#nextTicket;
    try {
      this.#native.submit(ticket, pages, base, out, chunks, region, level, minSaving);
    } catch (error) {
      this.#giveBack(out);
      reject(error);
      return;
    }
    this.#nextTicket = (ticket + 1) % 2 ** 32;
    this.#jobs.set(ticket, { request, out, resolve, reject });
  }

  #finish(ticket: number, done: boolean, packed: boolean, digest: Uint32Array, storedCrc: number): void {
    const job = this.#jobs.get(ticket);
    if (job === undefined) return;
    this.#jobs.delete(ticket);
    const { request, out, resolve, reject } = job;
    if (!done || !packed) this.#giveBack(out);
    if (!done) {
      const hint = 'Give the packer fewer threads or buffers, or the process more memory.';
      reject(new PackerError('PACKER_OUT_OF_MEMORY', 'no memory to compress with', hint));
      return;
    }
    let isLent = packed;
    const release = () => {
      if (isLent) this.#giveBack(out);
      isLent = false;
    };
    const bytes = packed ? out : request.pages;
    resolve({ chunks: request.chunks, bytes, isSlab: !packed, digest, storedCrc, release });
  }

  #giveBack(out: Uint8Array): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(out);
    else this.#submit(next.request, out, next.resolve, next.reject);
  }
}

function roomFor(byteCount: number): Uint8Array {
  return new Uint8Array(Math.ceil(byteCount / DEFAULT_BUFFER_BYTES) * DEFAULT_BUFFER_BYTES);
}

function defaultThreads(): number {
  return Math.min(64, Math.max(1, availableParallelism() - 1));
}

function closed(): PackerError {
  return new PackerError('PACKER_CLOSED', 'the packer is closed', 'Close it after the last image only.');
}
