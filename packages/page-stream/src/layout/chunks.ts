import { features } from '../features.ts';
import { MAX_RUNS } from '../limits.ts';
import type { RegionEntry } from '../page-run.ts';
import type { Payload } from '../payload.ts';
import { pad8 } from '../u64.ts';

export const CHUNKS_HEAD_BYTES = 16;
export const CHUNK_RUN_BYTES = 32;

/** Run kinds by number (FORMAT.md, "CHUNKS"). */
export const chunkKinds = [
  'data',
  'zero',
  'lz4',
  'zstd',
  'same-as',
  'parent',
  'delta-lz4',
  'delta-zstd',
] as const;

export type ChunkKind = (typeof chunkKinds)[number];

/** Their places in `chunkKinds`. */
export const kindNumber = {
  data: 0,
  zero: 1,
  lz4: 2,
  zstd: 3,
  'same-as': 4,
  parent: 5,
  'delta-lz4': 6,
  'delta-zstd': 7,
} as const satisfies Readonly<Record<ChunkKind, number>>;

const needed: Readonly<Record<ChunkKind, number>> = {
  data: 0,
  zero: 0,
  lz4: features.LZ4,
  zstd: features.ZSTD,
  'same-as': features.SAME_AS,
  parent: features.PARENT,
  'delta-lz4': features.PARENT | features.LZ4,
  'delta-zstd': features.PARENT | features.ZSTD,
};

/** Kinds without stored bytes. */
export function isBare(kind: ChunkKind): boolean {
  return kind === 'zero' || kind === 'same-as' || kind === 'parent';
}

/** Whether a reader has to make the pages: all but zeros and those that stay as in the parent. */
export function hasPages(kind: ChunkKind): boolean {
  return kind !== 'zero' && kind !== 'parent';
}

export interface ChunkRun {
  readonly kind: ChunkKind;
  readonly firstPage: number;
  readonly pageCount: number;
  readonly storedBytes: number;
  readonly storedCrc: number;
  /** Only for same-as, otherwise 0. */
  readonly sourceRegion: number;
  readonly sourcePage: number;
}

export interface ChunkTable {
  readonly region: RegionEntry;
  readonly runs: readonly ChunkRun[];
  /** Where the stored bytes start in the payload; they go to its end. */
  readonly dataStart: number;
  /** Full lengths of all runs that are neither zero nor parent. */
  readonly fullBytes: number;
}

export function chunkRunPosition(index: number): number {
  return CHUNKS_HEAD_BYTES + index * CHUNK_RUN_BYTES;
}

/** Writes the head to `bytes`, which holds the table of `runCount` runs behind it already; `crc` gives a CRC32C. */
export function sealChunkTable(
  bytes: Uint8Array,
  region: number,
  runCount: number,
  crc: (bytes: Uint8Array, seed?: number) => number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, region, true);
  view.setUint32(4, runCount, true);
  view.setUint32(8, crc(bytes.subarray(CHUNKS_HEAD_BYTES), crc(bytes.subarray(0, 8))), true);
}

/** Bytes of head and run table, from a payload that may hold nothing but the head. */
export function chunkTableBytes(payload: Payload): number {
  payload.expectAtLeast(CHUNKS_HEAD_BYTES);
  const runCount = payload.u32(4);
  payload.expectWithin(runCount, MAX_RUNS, 'MAX_RUNS', 4);
  return chunkRunPosition(runCount);
}

export interface ChunkContext {
  readonly regions: readonly RegionEntry[];
  /** Required by the STREAM_HEADER. */
  readonly features: number;
  readonly maxPayloadBytes: number;
  readonly crc32c: (bytes: Uint8Array, seed?: number) => number;
}

/**
 * The run table of a CHUNKS payload, checked in itself. `payload` may end behind the table when `payloadBytes`, the true length, is
 * given: for random access.
 */
export function readChunkTable(payload: Payload, context: ChunkContext, payloadBytes?: number): ChunkTable {
  payload.expectAtLeast(CHUNKS_HEAD_BYTES);
  const region = context.regions[payload.u32(0)];
  if (region === undefined) return payload.fail('STREAM_BAD_VALUE', 0, `no region ${payload.u32(0)}`);
  if (payload.u32(4) === 0) payload.fail('STREAM_BAD_VALUE', 4, 'no runs');
  const dataStart = chunkTableBytes(payload);
  payload.expectAtLeast(dataStart);
  const head = context.crc32c(payload.bytes.subarray(0, 8));
  if (context.crc32c(payload.bytes.subarray(CHUNKS_HEAD_BYTES, dataStart), head) !== payload.u32(8)) {
    payload.fail('STREAM_BAD_VALUE', 8, 'table CRC mismatch');
  }
  payload.reserved(12, 16);
  const runs: ChunkRun[] = [];
  let fullBytes = 0;
  let end = dataStart;
  for (let at = CHUNKS_HEAD_BYTES; at < dataStart; at += CHUNK_RUN_BYTES) {
    const run = readRun(payload, at, region, context, fullBytes);
    if (hasPages(run.kind)) fullBytes += run.pageCount * region.pageSize;
    end += pad8(run.storedBytes);
    runs.push(run);
  }
  const length = payloadBytes ?? payload.length;
  if (length !== end) payload.failLength(`${length} bytes, layout needs ${end}`);
  return { region, runs, dataStart, fullBytes };
}

function readRun(
  payload: Payload,
  at: number,
  region: RegionEntry,
  context: ChunkContext,
  fullBytes: number,
): ChunkRun {
  const kind = chunkKinds[payload.u32(at + 12)];
  if (kind === undefined || (needed[kind] & ~context.features) !== 0) {
    return payload.fail('STREAM_BAD_VALUE', at + 12, `unknown run kind ${payload.u32(at + 12)}`);
  }
  const pageCount = payload.u32(at + 8);
  if (pageCount === 0) payload.fail('STREAM_BAD_VALUE', at + 8, 'a run without pages');
  const firstPage = payload.u64(at);
  expectPages(payload, at, region, firstPage, pageCount);
  const full = pageCount * region.pageSize;
  if (hasPages(kind)) {
    payload.expectWithin(fullBytes + full, context.maxPayloadBytes, 'maxPayloadBytes', at + 8);
  }
  const storedBytes = payload.u32(at + 16);
  if (!storedFits(kind, storedBytes, full)) {
    payload.fail('STREAM_BAD_VALUE', at + 16, `${storedBytes} stored bytes for a ${kind} run of ${full}`);
  }
  if (isBare(kind)) payload.reserved(at + 20, at + 24);
  const sourceRegion = payload.u32(at + 24);
  const sourcePage = payload.u32(at + 28);
  if (kind === 'same-as') {
    const source = context.regions[sourceRegion];
    if (source?.pageSize !== region.pageSize) {
      payload.fail('STREAM_BAD_VALUE', at + 24, `source region ${sourceRegion}`);
    }
    expectPages(payload, at + 28, source, sourcePage, pageCount);
  } else {
    payload.reserved(at + 24, at + 32);
  }
  return {
    kind,
    firstPage,
    pageCount,
    storedBytes,
    storedCrc: payload.u32(at + 20),
    sourceRegion,
    sourcePage,
  };
}

function storedFits(kind: ChunkKind, storedBytes: number, full: number): boolean {
  if (isBare(kind)) return storedBytes === 0;
  if (kind === 'data') return storedBytes === full;
  return storedBytes >= 1 && storedBytes < full;
}

function expectPages(payload: Payload, at: number, region: RegionEntry, first: number, count: number): void {
  const regionPages = region.sizeBytes / region.pageSize;
  if (first <= regionPages - count) return;
  payload.fail(
    'STREAM_PAGE_RANGE',
    at,
    `${count} pages from ${first} in region ${region.id} of ${regionPages} pages`,
  );
}

/** A number for each kind, 0 at first. */
export function perKind(): Record<ChunkKind, number> {
  return {
    data: 0,
    zero: 0,
    lz4: 0,
    zstd: 0,
    'same-as': 0,
    parent: 0,
    'delta-lz4': 0,
    'delta-zstd': 0,
  };
}

/** Counts pages and stored bytes by kind, without a region table to check against. */
export function sumChunks(payload: Payload) {
  payload.expectAtLeast(chunkTableBytes(payload));
  const runCount = payload.u32(4);
  const pagesByKind = perKind();
  const bytesByKind = perKind();
  let pages = 0;
  for (let index = 0; index < runCount; index++) {
    const at = chunkRunPosition(index);
    const kind = chunkKinds[payload.u32(at + 12)];
    if (kind === undefined) {
      return payload.fail('STREAM_BAD_VALUE', at + 12, `unknown run kind ${payload.u32(at + 12)}`);
    }
    pagesByKind[kind] += payload.u32(at + 8);
    bytesByKind[kind] += payload.u32(at + 16);
    pages += payload.u32(at + 8);
  }
  const zeroPages = pagesByKind.zero;
  const summary = { region: payload.u32(0), runCount, dataPages: pages - zeroPages, zeroPages };
  return { pages: summary, chunks: { pagesByKind, bytesByKind } };
}
