import type { Slab } from '@stillframe/snapshot';
import type { MemoryFiles } from './memory-files.ts';
import { type AddressRange, totalBytes } from './ranges.ts';

/** As large as the capture engine's slabs: what one write of a sink takes well. */
const SLAB_BYTES = 2 ** 20;

/** Room for what may have come to be between `open` and the cut, without allocating while the process stands still. */
const RESERVE_BYTES = 2 ** 20;

/** Memory that is copied while the process stands still, and lent out afterwards like captured pages. */
export class CopiedMemory {
  readonly #basePageSize: number;
  #buffer = new Uint8Array(0);
  /** Of the copied bytes, and where each comes from. */
  #slabs: Slab[] = [];
  #bytes = 0;
  #lentBytes = 0;

  constructor(basePageSize: number) {
    this.#basePageSize = basePageSize;
  }

  /** Copied pages, of all ranges. */
  get pageCount(): number {
    return this.#bytes / this.#basePageSize;
  }

  /** Pages that were pulled. */
  get pulledPages(): number {
    return (
      this.pageCount - this.#slabs.reduce((sum, { bytes }) => sum + bytes.length, 0) / this.#basePageSize
    );
  }

  /** Bytes that are held: not yet pulled, or on loan. */
  get heldBytes(): number {
    return this.#bytes - this.#lentBytes;
  }

  get totalBytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#slabs.length === 0;
  }

  /** Allocates and touches memory for so much and a little more. */
  reserve(sizeBytes: number): void {
    if (this.#buffer.length >= sizeBytes) return;
    // Written to once, because a first touch during the pause would be part of it.
    this.#buffer = new Uint8Array(sizeBytes + (sizeBytes >> 2) + RESERVE_BYTES).fill(1);
  }

  /** Copies the ranges; they are the regions from `firstRegion` on. */
  take(
    files: Pick<MemoryFiles, 'read'>,
    ranges: readonly AddressRange[],
    firstRegion: number,
    nowNs: number,
  ): void {
    this.reserve(totalBytes(ranges));
    let at = 0;
    for (const [index, { start, end }] of ranges.entries()) {
      const bytes = this.#buffer.subarray(at, at + Number(end - start));
      files.read(start, bytes);
      this.#cut(bytes, firstRegion + index, nowNs);
      at += bytes.length;
    }
    this.#bytes = at;
  }

  pull(maxSlabs: number): Slab[] {
    return this.#slabs.splice(0, maxSlabs);
  }

  #cut(bytes: Uint8Array, region: number, heldSinceNs: number): void {
    for (let at = 0; at < bytes.length; at += SLAB_BYTES) {
      const part = bytes.subarray(at, at + SLAB_BYTES);
      const run = {
        firstPage: at / this.#basePageSize,
        pageCount: part.length / this.#basePageSize,
        kind: 'data' as const,
      };
      let isReleased = false;
      this.#slabs.push({
        region,
        runs: [run],
        bytes: part,
        cause: 'sweep',
        heldSinceNs,
        release: () => {
          if (!isReleased) this.#lentBytes += part.length;
          isReleased = true;
        },
      });
    }
  }
}
