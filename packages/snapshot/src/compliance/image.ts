/* oxlint-disable no-await-in-loop -- a page is looked at after the one before it */
import type { Capture, CaptureOptions, Guest, Slab } from '../guest.ts';
import { check, checkBytes, checkEqual } from './case.ts';
import type { GuestUnderTest } from './guest-under-test.ts';

/** More than any case expects in one pull. */
const MANY = 1024;

/** Opens, pauses, arms, resumes: the cut. */
export async function openAtCut(guest: Guest, options: CaptureOptions): Promise<Capture> {
  const capture = await guest.open(options);
  await guest.pause();
  try {
    await guest.saveState();
    capture.arm();
  } finally {
    await guest.resume();
  }
  return capture;
}

/** All pages of a guest, region by region, in order. */
export async function readAll({
  guest,
  read,
}: Pick<GuestUnderTest, 'guest' | 'read'>): Promise<Uint8Array[]> {
  const regions: Uint8Array[] = [];
  for (const region of guest.regions) {
    const bytes = new Uint8Array(region.sizeBytes);
    for (let page = 0; page < region.sizeBytes / region.pageSize; page++) {
      bytes.set(await read(region.id, page), page * region.pageSize);
    }
    regions.push(bytes);
  }
  return regions;
}

/** Puts slabs together, refusing what no capture may give. */
export class Image {
  readonly regions: Uint8Array[];
  readonly zeroPages: { region: number; page: number }[] = [];
  pages = 0;
  faultPages = 0;
  readonly #guest: Guest;
  readonly #seen: Uint8Array[];

  constructor(guest: Guest) {
    this.#guest = guest;
    this.regions = guest.regions.map((region) => new Uint8Array(region.sizeBytes));
    this.#seen = guest.regions.map((region) => new Uint8Array(region.sizeBytes / region.pageSize));
  }

  /** Copies a slab and releases it. */
  take(slab: Slab): void {
    this.add(slab);
    slab.release();
  }

  add(slab: Slab): void {
    const region = this.#guest.regions[slab.region];
    check(region !== undefined, `a slab names region ${slab.region}, which does not exist`);
    let at = 0;
    for (const { firstPage, pageCount, kind } of slab.runs) {
      check(pageCount > 0, 'a run is empty');
      for (let page = firstPage; page < firstPage + pageCount; page++) {
        checkEqual(
          this.#seen[slab.region]![page],
          0,
          `the times that page ${page} of region ${slab.region} came before`,
        );
        this.#seen[slab.region]![page] = 1;
        if (kind === 'zero') this.zeroPages.push({ region: slab.region, page });
      }
      this.pages += pageCount;
      if (slab.cause === 'fault') this.faultPages += pageCount;
      if (kind === 'zero') continue;
      const sizeBytes = pageCount * region.pageSize;
      this.regions[slab.region]!.set(slab.bytes.subarray(at, at + sizeBytes), firstPage * region.pageSize);
      at += sizeBytes;
    }
    checkEqual(slab.bytes.byteLength, at, 'the bytes of a slab');
  }

  /** Everything that is ready now. */
  drain(capture: Capture): number {
    let slabs = 0;
    for (let pulled = capture.pull(MANY); pulled.length > 0; pulled = capture.pull(MANY)) {
      slabs += pulled.length;
      for (const slab of pulled) this.take(slab);
    }
    return slabs;
  }

  /** Everything there is. In inline mode each page needs a grant of its own. */
  async complete(capture: Capture, nowNs: number): Promise<void> {
    while (this.pages < capture.pageCount) {
      if (this.drain(capture) > 0) continue;
      capture.grant(capture.pageCount, nowNs);
      await capture.wait();
    }
  }

  checkShows(expected: readonly Uint8Array[]): void {
    for (const [id, bytes] of expected.entries())
      checkBytes(this.regions[id]!, bytes, `region ${id} of the image`);
  }
}
