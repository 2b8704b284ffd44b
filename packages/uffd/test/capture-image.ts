import type { CaptureEngine } from '../src/index.ts';

/** What a capture gave, put together; every page must come once (I-3). */
export class CaptureImage {
  readonly regions: readonly Uint8Array[];
  readonly #pageSizes: readonly number[];
  readonly #seen: readonly Uint8Array[];
  pages = 0;
  zeroPages = 0;

  constructor(engine: CaptureEngine) {
    this.regions = engine.regions.map(({ sizeBytes }) => new Uint8Array(sizeBytes));
    this.#pageSizes = engine.regions.map(({ pageSize }) => pageSize);
    this.#seen = engine.regions.map(({ sizeBytes, pageSize }) => new Uint8Array(sizeBytes / pageSize));
  }

  /** Grants everything and pulls until all pages came. */
  async complete(engine: CaptureEngine): Promise<this> {
    engine.grant(Number.MAX_SAFE_INTEGER);
    while (this.pages < engine.pageCount) {
      const slabs = engine.pull(8);
      for (const slab of slabs) {
        this.#take(slab);
        slab.release();
      }
      // oxlint-disable-next-line no-await-in-loop -- the next slabs come when they come
      if (slabs.length === 0) await engine.wait();
    }
    return this;
  }

  #take({ region, runs, bytes }: ReturnType<CaptureEngine['pull']>[number]): void {
    const pageSize = this.#pageSizes[region]!;
    let from = 0;
    for (const { firstPage, pageCount, kind } of runs) {
      for (let page = firstPage; page < firstPage + pageCount; page++) {
        if (this.#seen[region]![page]! > 0) throw new Error(`page ${page} of region ${region} came twice`);
        this.#seen[region]![page] = 1;
      }
      this.pages += pageCount;
      if (kind === 'zero') this.zeroPages += pageCount;
      else {
        const size = pageCount * pageSize;
        this.regions[region]!.set(bytes.subarray(from, from + size), firstPage * pageSize);
        from += size;
      }
    }
    if (from !== bytes.length) throw new Error(`${bytes.length} bytes came for ${from}`);
  }
}
