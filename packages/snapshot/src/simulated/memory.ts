import type { Region } from '../guest.ts';

/** A region to simulate. */
export interface SimulatedRegion {
  readonly name?: string;
  readonly pageCount: number;
  /** Bytes in a page; 4096 when not given. */
  readonly pageSize?: number;
  /** The first pages of the region that were written before anybody looked; all of them when not given. */
  readonly touchedPages?: number;
}

/** A page of the guest. */
export interface PageAddress {
  readonly region: number;
  readonly page: number;
}

/** Guest memory as arrays, with what the kernel knows about it: which pages were ever touched. */
export class SimulatedMemory {
  readonly regions: readonly Region[];
  readonly #bytes: Uint8Array[];
  readonly #touched: Uint8Array[];

  constructor(regions: readonly SimulatedRegion[]) {
    this.regions = regions.map((region, id) => {
      const pageSize = region.pageSize ?? 4096;
      return { id, name: region.name ?? `region-${id}`, sizeBytes: region.pageCount * pageSize, pageSize };
    });
    this.#bytes = this.regions.map((region) => new Uint8Array(region.sizeBytes));
    this.#touched = regions.map((region) => new Uint8Array(region.pageCount));
    for (const [id, region] of regions.entries()) {
      const touched = region.touchedPages ?? region.pageCount;
      for (let page = 0; page < touched; page++) this.write(id, page, firstContent(id, page));
    }
  }

  get pageCount(): number {
    return this.#touched.reduce((sum, touched) => sum + touched.length, 0);
  }

  /** The page itself, not a copy. */
  page(region: number, page: number): Uint8Array {
    const { pageSize, sizeBytes } = this.#region(region);
    if (!Number.isInteger(page) || page < 0 || page >= sizeBytes / pageSize) {
      throw new RangeError(`region ${region} has no page ${page}`);
    }
    return this.#bytes[region]!.subarray(page * pageSize, (page + 1) * pageSize);
  }

  isTouched(region: number, page: number): boolean {
    return this.#touched[region]![page] === 1;
  }

  /** Writes `bytes` to the start of the page. */
  write(region: number, page: number, bytes: Uint8Array): void {
    this.page(region, page).set(bytes);
    this.#touched[region]![page] = 1;
  }

  copy(): Uint8Array[] {
    return this.#bytes.map((bytes) => bytes.slice());
  }

  #region(id: number): Region {
    const region = this.regions[id];
    if (region === undefined) throw new RangeError(`there is no region ${id}`);
    return region;
  }
}

/** Different on every page, so that a page in the wrong place is noticed. */
function firstContent(region: number, page: number): Uint8Array {
  const words = new Uint32Array([0x5eed0000 + region, page]);
  return new Uint8Array(words.buffer);
}
