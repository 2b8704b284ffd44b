/** Captured pages on their way to the sink. */
export interface Slab {
  readonly cause: 'fault' | 'sweep';
  readonly isSpilled: boolean;
  readonly heldSinceNs: number;
  pages: number;
  /** Inline: its only page. */
  page: number;
}

export interface StoreOptions {
  readonly preImagesMaxBytes: number;
  readonly overflow: 'spill' | 'stall';
}

const SLAB_BYTES_MAX = 2 ** 20;
const SLABS_MIN = 16;
const SWEEP_SHARE_DIVISOR = 8;
const SWEEP_SHARE_MAX = 16;

/** The accounts of the pre-image store: the numbers of packages/uffd/native/core/pre_image_store.cc, without the memory. */
export class Store {
  readonly slabPages: number;
  heldBytes = 0;
  heldBytesMax = 0;
  spilledBytesMax = 0;
  readonly #pageBytes: number;
  readonly #spills: boolean;
  readonly #sweepShare: number;
  #freeSlabs: number;
  #sweptSlabs = 0;
  #spilledSlabs = 0;

  constructor({ preImagesMaxBytes, overflow }: StoreOptions, pageBytes: number) {
    const share = 2 ** Math.floor(Math.log2(Math.max(1, preImagesMaxBytes / SLABS_MIN)));
    const slabBytes = Math.min(Math.max(share, pageBytes), SLAB_BYTES_MAX);
    this.#pageBytes = pageBytes;
    this.#spills = overflow === 'spill';
    this.slabPages = slabBytes / pageBytes;
    this.#freeSlabs = Math.max(1, Math.floor(preImagesMaxBytes / slabBytes));
    this.#sweepShare = Math.min(
      Math.max(Math.floor(this.#freeSlabs / SWEEP_SHARE_DIVISOR), 1),
      SWEEP_SHARE_MAX,
    );
  }

  get spilledBytes(): number {
    return this.#spilledSlabs * this.slabPages * this.#pageBytes;
  }

  /** Undefined: the pool is empty and there is no spill. */
  takeForFault(nowNs: number): Slab | undefined {
    if (this.#freeSlabs > 0) {
      this.#freeSlabs -= 1;
      return { cause: 'fault', isSpilled: false, heldSinceNs: nowNs, pages: 0, page: -1 };
    }
    if (!this.#spills) return undefined;
    this.#spilledSlabs += 1;
    this.spilledBytesMax = Math.max(this.spilledBytesMax, this.spilledBytes);
    return { cause: 'fault', isSpilled: true, heldSinceNs: nowNs, pages: 0, page: -1 };
  }

  /** Undefined: the sweep's share is used up. */
  takeForSweep(nowNs: number): Slab | undefined {
    if (this.#sweptSlabs >= this.#sweepShare || this.#freeSlabs === 0) return undefined;
    this.#freeSlabs -= 1;
    this.#sweptSlabs += 1;
    return { cause: 'sweep', isSpilled: false, heldSinceNs: nowNs, pages: 0, page: -1 };
  }

  put(slab: Slab, pages: number): void {
    slab.pages += pages;
    this.heldBytes += pages * this.#pageBytes;
    this.heldBytesMax = Math.max(this.heldBytesMax, this.heldBytes);
  }

  giveBack(slab: Slab): void {
    this.heldBytes -= slab.pages * this.#pageBytes;
    if (slab.isSpilled) {
      this.#spilledSlabs -= 1;
      return;
    }
    this.#freeSlabs += 1;
    if (slab.cause === 'sweep') this.#sweptSlabs -= 1;
  }
}
