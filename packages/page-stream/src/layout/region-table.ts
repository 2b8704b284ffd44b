import { MAX_NAME_BYTES, MAX_PAGE_SIZE, MIN_PAGE_SIZE, type StreamLimits } from '../limits.ts';
import type { RegionEntry } from '../page-run.ts';
import type { Payload } from '../payload.ts';
import { encodeLabel } from '../text.ts';
import { pad8, setU64 } from '../u64.ts';

const HEAD_BYTES = 8;
const ENTRY_BYTES = 24;

export function isPageSize(value: number): boolean {
  return value >= MIN_PAGE_SIZE && value <= MAX_PAGE_SIZE && (value & (value - 1)) === 0;
}

/** The entries are valid already. Names are labels: what cannot travel is cut or replaced. */
export function writeRegionTable(regions: readonly RegionEntry[]): Uint8Array {
  const names = regions.map(({ name }) => encodeLabel(name === '' ? '-' : name, MAX_NAME_BYTES));
  const total = names.reduce((sum, name) => sum + ENTRY_BYTES + pad8(name.length), HEAD_BYTES);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, regions.length, true);
  let at = HEAD_BYTES;
  for (const [id, { pageSize, sizeBytes }] of regions.entries()) {
    const name = names[id]!;
    view.setUint32(at, id, true);
    view.setUint32(at + 4, pageSize, true);
    setU64(view, at + 8, sizeBytes);
    view.setUint16(at + 16, name.length, true);
    bytes.set(name, at + ENTRY_BYTES);
    at += ENTRY_BYTES + pad8(name.length);
  }
  return bytes;
}

export function readRegionTable(payload: Payload, limits: StreamLimits): RegionEntry[] {
  payload.expectAtLeast(HEAD_BYTES);
  const count = payload.u32(0);
  payload.expectWithin(count, limits.maxRegions, 'maxRegions', 0);
  payload.reserved(4, 8);
  const regions: RegionEntry[] = [];
  const sum = { bytes: 0, pages: 0 };
  let at = HEAD_BYTES;
  for (let id = 0; id < count; id++) {
    payload.expectAtLeast(at + ENTRY_BYTES);
    if (payload.u32(at) !== id) payload.fail('STREAM_BAD_VALUE', at, `region id is not ${id}`);
    const pageSize = payload.u32(at + 4);
    if (!isPageSize(pageSize)) payload.fail('STREAM_BAD_VALUE', at + 4, `page size ${pageSize}`);
    const sizeBytes = readSize(payload, at + 8, pageSize, sum, limits);
    const nameBytes = payload.u16(at + 16);
    const name = readName(payload, at, nameBytes);
    regions.push({ id, name, sizeBytes, pageSize });
    at += ENTRY_BYTES + pad8(nameBytes);
  }
  payload.expectLength(at);
  return regions;
}

function readSize(
  payload: Payload,
  at: number,
  pageSize: number,
  sum: { bytes: number; pages: number },
  limits: StreamLimits,
): number {
  const sizeBytes = payload.u64(at);
  if (sizeBytes === 0 || sizeBytes % pageSize !== 0) {
    payload.fail('STREAM_BAD_VALUE', at, `size ${sizeBytes} is not a number of pages of ${pageSize}`);
  }
  sum.bytes += sizeBytes;
  payload.expectWithin(sum.bytes, limits.maxImageBytes, 'maxImageBytes', at);
  sum.pages += sizeBytes / pageSize;
  payload.expectWithin(sum.pages, limits.maxPages, 'maxPages', at);
  return sizeBytes;
}

function readName(payload: Payload, entry: number, nameBytes: number): string {
  if (nameBytes === 0) payload.fail('STREAM_BAD_STRING', entry + 16, 'a region has no name');
  payload.expectWithin(nameBytes, MAX_NAME_BYTES, 'MAX_NAME_BYTES', entry + 16);
  payload.reserved(entry + 18, entry + 24);
  payload.expectAtLeast(entry + ENTRY_BYTES + pad8(nameBytes));
  const name = payload.text(entry + ENTRY_BYTES, nameBytes);
  payload.padding(entry + ENTRY_BYTES + nameBytes);
  return name;
}
