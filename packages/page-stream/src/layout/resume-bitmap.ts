import { MAX_BITMAP_PAGES } from '../limits.ts';
import type { RegionEntry } from '../page-run.ts';
import type { Payload } from '../payload.ts';
import { pad8, setU64 } from '../u64.ts';

const HEAD_BYTES = 24;

/** One bit for each of some pages of a region: bit `i % 8` of byte `i / 8` is page `firstPage + i`. */
export interface PageBitmap {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
  /** The last bitmap of this answer. */
  readonly last: boolean;
  readonly bits: Uint8Array;
}

export function writeResumeBitmap({ region, firstPage, pageCount, last, bits }: PageBitmap): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + pad8(bits.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, region, true);
  view.setUint32(4, pageCount, true);
  setU64(view, 8, firstPage);
  view.setUint32(16, last ? 1 : 0, true);
  bytes.set(bits, HEAD_BYTES);
  return bytes;
}

export function readResumeBitmap(payload: Payload, regions: readonly RegionEntry[]): PageBitmap {
  payload.expectAtLeast(HEAD_BYTES);
  const region = regions[payload.u32(0)];
  if (region === undefined) return payload.fail('STREAM_BAD_VALUE', 0, `no region ${payload.u32(0)}`);
  const pageCount = payload.u32(4);
  if (pageCount === 0) payload.fail('STREAM_BAD_VALUE', 4, 'no pages');
  payload.expectWithin(pageCount, MAX_BITMAP_PAGES, 'MAX_BITMAP_PAGES', 4);
  const firstPage = payload.u64(8);
  if (firstPage > region.sizeBytes / region.pageSize - pageCount) {
    payload.fail('STREAM_PAGE_RANGE', 8, `${pageCount} pages from ${firstPage} in region ${region.id}`);
  }
  const last = payload.u32(16);
  if (last > 1) payload.fail('STREAM_BAD_VALUE', 16, `last ${last}`);
  payload.reserved(20, 24);
  const byteCount = Math.ceil(pageCount / 8);
  payload.expectLength(HEAD_BYTES + pad8(byteCount));
  payload.padding(HEAD_BYTES + byteCount);
  const bits = payload.bytes.slice(HEAD_BYTES, HEAD_BYTES + byteCount);
  const spare = pageCount % 8 === 0 ? 0 : bits[byteCount - 1]! >> (pageCount % 8);
  if (spare !== 0) payload.fail('STREAM_RESERVED', HEAD_BYTES + byteCount - 1, 'bits beyond the last page');
  return { region: region.id, firstPage, pageCount, last: last === 1, bits };
}
