import { availableParallelism } from 'node:os';
import addon from '#native';

/** Words for each chunk in the table that the addon reads and fills in (native/packer.cc). */
const WORDS = 9;
const DELTA = 0x100;

const methods = { none: 0, lz4: 1, zstd: 2 } as const;
const kinds = [
  [2, 'lz4'],
  [3, 'zstd'],
  [6, 'delta-lz4'],
  [7, 'delta-zstd'],
] as const;

type Kind = 'data' | 'lz4' | 'zstd' | 'delta-lz4' | 'delta-zstd';

/** A slab of this size needs no new buffer. */
const DEFAULT_BUFFER_BYTES = 1024 * 1024;

/** Has the shape of `PackRequest` in `@stillframe/page-stream`. */
export interface PackRequest {
  readonly region: number;
  readonly pages: Uint8Array;
  readonly base: Uint8Array | undefined;
  readonly chunks: readonly {
    readonly at: number;
    readonly sizeBytes: number;
    readonly firstUnit: number;
    readonly method: keyof typeof methods;
  }[];
  readonly level: number;
  readonly minSaving: number;
}

/** Has the shape of `PackedSlab` in `@stillframe/page-stream`. */
export interface PackedSlab {
  readonly chunks: readonly {
    readonly kind: Kind;
    readonly storedAt: number;
    readonly storedBytes: number;
    readonly storedCrc: number;
  }[];
  readonly bytes: Uint8Array;
  readonly isSlab: boolean;
  readonly digest: Uint32Array;
  release(): void;
}

export interface PackerOptions {
  /** Threads of its own; default one fewer than there are cores, at least 1, at most 64. */
  readonly threads?: number;
  /** Slabs that may be packed or wait for their `release` at a time, each with a buffer of its size; default 2 more than threads. */
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
  readonly table: Uint32Array;
  readonly out: Uint8Array;
  readonly resolve: (slab: PackedSlab) => void;
  readonly reject: (error: Error) => void;
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
  readonly #native: InstanceType<typeof addon.Packer>;
  readonly #jobs = new Map<number, Job>();
  readonly #free: Uint8Array[];
  readonly #waiting: {
    readonly resolve: (out: Uint8Array) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  #nextTicket = 0;
  #isClosed = false;

  /** RangeError for options outside their range. */
  constructor({ threads = defaultThreads(), buffers = threads + 2 }: PackerOptions = {}) {
    if (!Number.isInteger(threads) || threads < 1 || threads > 64) {
      throw new RangeError(`threads is ${threads}; 1 to 64`);
    }
    if (!Number.isInteger(buffers) || buffers < 1 || buffers > 1024) {
      throw new RangeError(`buffers is ${buffers}; 1 to 1024`);
    }
    this.threads = threads;
    this.#free = Array.from({ length: buffers }, () => new Uint8Array());
    this.#native = new addon.Packer(threads, (ticket, done, packed, low, high) => {
      this.#finish(ticket, done, packed, Uint32Array.of(low, high));
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
  async pack(request: PackRequest): Promise<PackedSlab> {
    const out = await this.#buffer(request.pages.length);
    try {
      return await this.#submit(request, out);
    } catch (error) {
      this.#giveBack(out);
      throw error;
    }
  }

  /** Joins the threads, which end the chunk at hand, and rejects what is under way. Buffers that are lent stay valid. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#native.close();
    for (const { reject } of this.#jobs.values()) reject(closed());
    this.#jobs.clear();
    for (const { reject } of this.#waiting.splice(0)) reject(closed());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #submit(request: PackRequest, out: Uint8Array): Promise<PackedSlab> {
    if (this.#isClosed) throw closed();
    const { pages, base, chunks, region, level, minSaving } = request;
    const table = new Uint32Array(chunks.length * WORDS);
    for (const [index, { at, sizeBytes, firstUnit, method }] of chunks.entries()) {
      const flags = methods[method] | (base === undefined ? 0 : DELTA);
      table.set([at, sizeBytes, firstUnit % 2 ** 32, Math.floor(firstUnit / 2 ** 32), flags], index * WORDS);
    }
    const ticket = this.#nextTicket;
    this.#nextTicket = (ticket + 1) % 2 ** 32;
    return new Promise((resolve, reject) => {
      this.#native.submit(ticket, pages, base, out, table, region, level, minSaving);
      this.#jobs.set(ticket, { request, table, out, resolve, reject });
    });
  }

  #finish(ticket: number, done: boolean, packed: boolean, digest: Uint32Array): void {
    const job = this.#jobs.get(ticket);
    if (job === undefined) return;
    this.#jobs.delete(ticket);
    const { request, table, out, resolve, reject } = job;
    if (!done) {
      const hint = 'Give the packer fewer threads or buffers, or the process more memory.';
      reject(new PackerError('PACKER_OUT_OF_MEMORY', 'no memory to compress with', hint));
      return;
    }
    const chunks = request.chunks.map((_, index) => {
      const [kind = 0, storedBytes = 0, storedCrc = 0, storedAt = 0] = table.subarray(index * WORDS + 5);
      return { kind: nameOf(kind), storedAt, storedBytes, storedCrc };
    });
    let isLent = packed;
    if (!packed) this.#giveBack(out);
    const release = () => {
      if (isLent) this.#giveBack(out);
      isLent = false;
    };
    resolve({ chunks, bytes: packed ? out : request.pages, isSlab: !packed, digest, release });
  }

  #buffer(byteCount: number): Promise<Uint8Array> {
    if (this.#isClosed) return Promise.reject(closed());
    return new Promise<Uint8Array>((resolve, reject) => {
      const grown = (out: Uint8Array) => resolve(out.length >= byteCount ? out : roomFor(byteCount));
      const free = this.#free.pop();
      if (free !== undefined) grown(free);
      else this.#waiting.push({ resolve: grown, reject });
    });
  }

  #giveBack(out: Uint8Array): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next.resolve(out);
    else this.#free.push(out);
  }
}

function nameOf(kind: number): Kind {
  for (const [value, name] of kinds) if (value === kind) return name;
  return 'data';
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
