import type { PageRun } from '@stillframe/page-stream';

/** Turns captured pages, in any order, into the runs and packed bytes of a slab. */
export class RunPacker {
  readonly runs: PageRun[] = [];
  readonly #parts: Uint8Array[] = [];
  sizeBytes = 0;

  /** `bytes` is undefined for a page that was never touched. */
  add(page: number, bytes: Uint8Array | undefined): void {
    const kind = bytes === undefined ? 'zero' : 'data';
    const last = this.runs.at(-1);
    if (last !== undefined && last.kind === kind && last.firstPage + last.pageCount === page) {
      this.runs[this.runs.length - 1] = { ...last, pageCount: last.pageCount + 1 };
    } else {
      this.runs.push({ kind, firstPage: page, pageCount: 1 });
    }
    if (bytes === undefined) return;
    this.#parts.push(bytes);
    this.sizeBytes += bytes.byteLength;
  }

  bytes(): Uint8Array {
    const packed = new Uint8Array(this.sizeBytes);
    let at = 0;
    for (const part of this.#parts) {
      packed.set(part, at);
      at += part.byteLength;
    }
    return packed;
  }
}
