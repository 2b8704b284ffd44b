import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { pureCodec, type StoredImage } from '@stillframe/page-stream';
import type { PageOrder } from '@stillframe/uffd';

// What was touched first, in order, in a file beside the image. Little-endian: magic, version, entries, CRC32C of the rest, stream id,
// digest, then for each entry region, first page (two words) and pages. It is a hint: whatever is wrong with it, it is not used.

const MAGIC = 0x5753_4653;
const VERSION = 1;
const HEAD_BYTES = 16 + 16 + 8;
const ENTRY_BYTES = 16;
/** 16 MiB of file. */
const ENTRIES_MAX = 2 ** 20;

type Identity = Pick<StoredImage, 'streamId' | 'digest' | 'regions'>;

export function workingSetPath(imagePath: string): string {
  return `${imagePath}.ws`;
}

/** The recorded order; empty when there is none, or it is damaged, of another version, or of another image. */
export function readWorkingSet(path: string, image: Identity): PageOrder[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch {
    return [];
  }
  return decodeWorkingSet(bytes, image) ?? [];
}

/** Replaces the file, whole. */
export function writeWorkingSet(path: string, image: Identity, order: readonly PageOrder[]): void {
  const fresh = `${path}.new-${process.pid}`;
  try {
    writeFileSync(fresh, encodeWorkingSet(image, order), { mode: 0o600 });
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** The order that was known, and behind it what was touched besides: what was fetched ahead is not seen being touched. */
export function mergeOrders(known: readonly PageOrder[], touched: readonly PageOrder[]): PageOrder[] {
  const pages = new Set<number>();
  for (const run of known) for (const key of keysOf(run)) pages.add(key);
  const fresh = touched.filter((run) => keysOf(run).some((key) => !pages.has(key)));
  return [...known, ...fresh].slice(0, ENTRIES_MAX);
}

function keysOf({ region, firstPage, pageCount }: PageOrder): number[] {
  return Array.from({ length: pageCount }, (_, at) => region * 2 ** 40 + firstPage + at);
}

export function encodeWorkingSet(image: Identity, order: readonly PageOrder[]): Uint8Array {
  const entries = order.slice(0, ENTRIES_MAX);
  const bytes = new Uint8Array(HEAD_BYTES + entries.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, entries.length, true);
  bytes.set(image.streamId, 16);
  for (const at of [0, 1]) view.setUint32(32 + at * 4, image.digest[at]!, true);
  for (const [index, { region, firstPage, pageCount }] of entries.entries()) {
    const at = HEAD_BYTES + index * ENTRY_BYTES;
    view.setUint32(at, region, true);
    view.setUint32(at + 4, pageCount, true);
    view.setBigUint64(at + 8, BigInt(firstPage), true);
  }
  view.setUint32(12, pureCodec.crc32c(bytes.subarray(16)), true);
  return bytes;
}

/** Undefined for what is not a working set of that image. */
export function decodeWorkingSet(bytes: Uint8Array, image: Identity): PageOrder[] | undefined {
  if (bytes.byteLength < HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(8, true);
  const isRight =
    view.getUint32(0, true) === MAGIC &&
    view.getUint32(4, true) === VERSION &&
    count <= ENTRIES_MAX &&
    bytes.byteLength === HEAD_BYTES + count * ENTRY_BYTES &&
    view.getUint32(12, true) === pureCodec.crc32c(bytes.subarray(16)) &&
    image.streamId.every((byte, at) => bytes[16 + at] === byte) &&
    [0, 1].every((at) => view.getUint32(32 + at * 4, true) === image.digest[at]);
  if (!isRight) return undefined;
  const order: PageOrder[] = [];
  for (let at = HEAD_BYTES; at < bytes.byteLength; at += ENTRY_BYTES) {
    const region = view.getUint32(at, true);
    const pageCount = view.getUint32(at + 4, true);
    const firstPage = Number(view.getBigUint64(at + 8, true));
    const known = image.regions[region];
    if (known === undefined || firstPage + pageCount > known.sizeBytes / known.pageSize) return undefined;
    order.push({ region, firstPage, pageCount });
  }
  return order;
}
