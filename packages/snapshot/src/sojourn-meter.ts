import type { Sojourn } from '@stillframe/limiter';
import type { Slab } from './guest.ts';

/** Since when the slabs of one batch are held. */
export interface HeldSince {
  readonly oldestNs: number;
  readonly newestNs: number;
}

/** Undefined for no slabs. */
export function heldSince(slabs: readonly Slab[]): HeldSince | undefined {
  if (slabs.length === 0) return undefined;
  let oldestNs = Number.POSITIVE_INFINITY;
  let newestNs = 0;
  for (const { heldSinceNs } of slabs) {
    oldestNs = Math.min(oldestNs, heldSinceNs);
    newestNs = Math.max(newestNs, heldSinceNs);
  }
  return { oldestNs, newestNs };
}

/**
 * How long captured pages stay in the pre-image store, over the batches that were pulled.
 *
 * Not seen: a slab that nobody has pulled yet. It is younger than what was pulled for the same cause, because both leave in order; a swept
 * slab may wait behind faults that come again and again, and shows its age when it is pulled.
 */
export class SojournMeter {
  /** Batches that were pulled and not released; a pump has at most two. */
  readonly #held = new Set<HeldSince>();
  #minNs = Number.POSITIVE_INFINITY;
  #maxNs = 0;

  pulled(batch: HeldSince): void {
    this.#held.add(batch);
  }

  released(batch: HeldSince, nowNs: number): void {
    this.#held.delete(batch);
    this.#minNs = Math.min(this.#minNs, Math.max(0, nowNs - batch.newestNs));
    this.#maxNs = Math.max(this.#maxNs, nowNs - batch.oldestNs);
  }

  /** For the limiter; begins a new interval of `minNs` and `maxNs`. */
  level(nowNs: number): Sojourn {
    const { minNs, maxNs } = this.#minNs <= this.#maxNs ? { minNs: this.#minNs, maxNs: this.#maxNs } : NONE;
    this.#minNs = Number.POSITIVE_INFINITY;
    this.#maxNs = 0;
    let oldestNs = 0;
    for (const batch of this.#held) oldestNs = Math.max(oldestNs, nowNs - batch.oldestNs);
    return { minNs, maxNs, oldestNs };
  }
}

const NONE = { minNs: 0, maxNs: 0 };
