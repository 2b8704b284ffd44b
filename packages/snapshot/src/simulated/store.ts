import type { Clock } from '../clock.ts';
import type { CaptureOptions, Slab } from '../guest.ts';
import type { PageAddress, SimulatedMemory } from './memory.ts';
import { RunPacker } from './run-packer.ts';

interface Held {
  readonly at: PageAddress;
  /** A copy of the page, or undefined when it was never touched. */
  readonly bytes: Uint8Array | undefined;
  readonly spilled: boolean;
  readonly sinceNs: number;
}

/** Written over released slabs, so that a sink which still reads one produces a wrong checksum. */
const RELEASED_FILL = 0xdb;

/** The sweep may hold one eighth of the store, so that faults find room however slow the sink is. */
const SWEEP_SHARE = 1 / 8;

export interface StoreParts {
  readonly memory: SimulatedMemory;
  readonly clock: Clock;
  readonly options: CaptureOptions;
  readonly slabMaxBytes: number;
  readonly onRelease: () => void;
}

/** Copies of captured pages, from their capture to the release of their slab. */
export class SimulatedStore {
  readonly #memory: SimulatedMemory;
  readonly #options: CaptureOptions;
  readonly #slabMaxBytes: number;
  readonly #clock: Clock;
  readonly #onRelease: () => void;
  readonly #queues: Record<Slab['cause'], Held[]> = { fault: [], sweep: [] };
  readonly #heldBytes: Record<Slab['cause'], number> = { fault: 0, sweep: 0 };
  #spilledBytes = 0;
  heldBytesMax = 0;
  spilledBytesMax = 0;

  constructor({ memory, clock, options, slabMaxBytes, onRelease }: StoreParts) {
    this.#memory = memory;
    this.#clock = clock;
    this.#options = options;
    this.#slabMaxBytes = slabMaxBytes;
    this.#onRelease = onRelease;
  }

  get heldBytes(): number {
    return this.#heldBytes.fault + this.#heldBytes.sweep;
  }

  get hasFilled(): boolean {
    return this.#queues.fault.length > 0 || this.#queues.sweep.length > 0;
  }

  hasRoom(at: PageAddress, cause: Slab['cause']): boolean {
    const { preImagesMaxBytes, overflow } = this.#options;
    const sizeBytes = this.#sizeBytes(at);
    if (cause === 'fault') return overflow === 'spill' || this.heldBytes + sizeBytes <= preImagesMaxBytes;
    const share = Math.max(sizeBytes, preImagesMaxBytes * SWEEP_SHARE);
    return this.heldBytes + sizeBytes <= preImagesMaxBytes && this.#heldBytes.sweep + sizeBytes <= share;
  }

  add(at: PageAddress, cause: Slab['cause']): void {
    const sizeBytes = this.#sizeBytes(at);
    const spilled = this.heldBytes - this.#spilledBytes + sizeBytes > this.#options.preImagesMaxBytes;
    const bytes = sizeBytes === 0 ? undefined : this.#memory.page(at.region, at.page).slice();
    this.#queues[cause].push({ at, bytes, spilled, sinceNs: this.#clock.nowNs() });
    this.#heldBytes[cause] += sizeBytes;
    if (spilled) this.#spilledBytes += sizeBytes;
    this.heldBytesMax = Math.max(this.heldBytesMax, this.heldBytes);
    this.spilledBytesMax = Math.max(this.spilledBytesMax, this.#spilledBytes);
  }

  /** Up to `maxSlabs` slabs, faults first; each of one region and one cause. */
  take(maxSlabs: number): Slab[] {
    const slabs: Slab[] = [];
    for (const cause of ['fault', 'sweep'] as const) {
      while (slabs.length < maxSlabs && this.#queues[cause].length > 0) slabs.push(this.#takeOne(cause));
    }
    return slabs;
  }

  #takeOne(cause: Slab['cause']): Slab {
    const queue = this.#queues[cause];
    const { at: first, sinceNs: heldSinceNs } = queue[0]!;
    const { region } = first;
    const packer = new RunPacker();
    let spilledBytes = 0;
    while (queue.length > 0 && queue[0]!.at.region === region) {
      const { at, bytes, spilled } = queue[0]!;
      if (packer.sizeBytes > 0 && packer.sizeBytes + (bytes?.byteLength ?? 0) > this.#slabMaxBytes) break;
      packer.add(at.page, bytes);
      if (spilled) spilledBytes += bytes?.byteLength ?? 0;
      queue.shift();
    }
    const bytes = packer.bytes();
    return onLoan({ region, cause, runs: packer.runs, bytes, heldSinceNs }, () => {
      this.#heldBytes[cause] -= bytes.byteLength;
      this.#spilledBytes -= spilledBytes;
      this.#onRelease();
    });
  }

  #sizeBytes(at: PageAddress): number {
    return this.#memory.isTouched(at.region, at.page) ? this.#memory.regions[at.region]!.pageSize : 0;
  }
}

/** A slab whose release is an error the second time. */
export function onLoan(slab: Omit<Slab, 'release'>, onRelease: () => void): Slab {
  let released = false;
  return {
    ...slab,
    release: () => {
      if (released) throw new Error('a slab was released twice');
      released = true;
      slab.bytes.fill(RELEASED_FILL);
      onRelease();
    },
  };
}
