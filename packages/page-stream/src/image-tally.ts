import { type ChunkKind, chunkKinds, kindNumber, perKind } from './layout/chunks.ts';

/** Counts what an image has been made of so far. */
export class ImageTally {
  readonly #pages = new Float64Array(chunkKinds.length);
  /** Full bytes of all pages but zeros and those that stay as in the parent. */
  dataBytes = 0;
  /** What was stored for them. */
  storedBytes = 0;

  /** `kind` by its place in `chunkKinds`. */
  add(kind: number, pageCount: number, pageSize: number, storedBytes: number): void {
    this.#pages[kind] = this.#pages[kind]! + pageCount;
    this.storedBytes += storedBytes;
    if (kind !== kindNumber.zero && kind !== kindNumber.parent) this.dataBytes += pageCount * pageSize;
  }

  get zeroPages(): number {
    return this.#pages[kindNumber.zero]!;
  }

  get pagesByKind(): Record<ChunkKind, number> {
    const counts = perKind();
    for (const [kind, name] of chunkKinds.entries()) counts[name] = this.#pages[kind]!;
    return counts;
  }
}
