import type { ChunkKind, PageRun, RegionEntry } from '../src/index.ts';
import { referenceCrc32c, referenceDigest } from './reference-checksums.ts';
import { count, number, pad8, refuse, small, zeros } from './reference-fields.ts';
import { referenceLz4 } from './reference-lz4.ts';
import type { Image, Located } from './reference-payloads.ts';
import { tinyUnpackZstd } from './tiny-zstd.ts';

/** FORMAT.md, "Features". */
const CHUNKS = 2;
const LZ4 = 4;
const ZSTD = 8;
const SAME_AS = 16;
const PARENT = 32;

/** Without a second name in the table of limits: what a plain reader knows, and one that can read back and has a parent. */
export const plainFeatures = CHUNKS + LZ4;
export const fullFeatures = CHUNKS + LZ4 + ZSTD + SAME_AS + PARENT;

/** FORMAT.md, "CHUNKS": kind, features. */
const kinds: readonly (readonly [ChunkKind, number])[] = [
  ['data', 0],
  ['zero', 0],
  ['lz4', LZ4],
  ['zstd', ZSTD],
  ['same-as', SAME_AS],
  ['parent', PARENT],
  ['delta-lz4', PARENT + LZ4],
  ['delta-zstd', PARENT + ZSTD],
];

/** A parent as the reference decoder has it. */
export interface ReferenceParent {
  readonly digest: bigint;
  readonly streamId: Uint8Array;
  readonly chainLength: number;
  readonly regions: readonly RegionEntry[];
  readonly page: (region: number, page: number) => Uint8Array;
}

interface Run {
  readonly at: number;
  readonly kind: ChunkKind;
  readonly firstPage: number;
  readonly pageCount: number;
  readonly storedBytes: number;
  readonly storedCrc: number;
  readonly sourceRegion: number;
  readonly sourcePage: number;
}

function range(at: number, region: RegionEntry, first: number, pages: number): void {
  if ((first + pages) * region.pageSize > region.sizeBytes) refuse('STREAM_PAGE_RANGE', at);
}

function readTable({ bytes, offset, start, end }: Located, image: Image) {
  const long = (fits: boolean) => {
    if (!fits) refuse('STREAM_BAD_LENGTH', offset + 8);
  };
  long(end - start >= 16);
  const region = image.regions[small(bytes, start, 4)];
  if (!region) return refuse('STREAM_BAD_VALUE', start);
  const runCount = small(bytes, start + 4, 4);
  if (runCount === 0) refuse('STREAM_BAD_VALUE', start + 4);
  if (runCount > 16384) refuse('STREAM_LIMIT', start + 4);
  const dataStart = start + 16 + 32 * runCount;
  long(dataStart <= end);
  const covered = Uint8Array.from([
    ...bytes.subarray(start, start + 8),
    ...bytes.subarray(start + 16, dataStart),
  ]);
  if (referenceCrc32c(covered) !== small(bytes, start + 8, 4)) refuse('STREAM_BAD_VALUE', start + 8);
  zeros(bytes, start + 12, start + 16);
  const runs: Run[] = [];
  let full = 0;
  let stored = 0;
  for (let at = start + 16; at < dataStart; at += 32) {
    const [kind, needs] = kinds[small(bytes, at + 12, 4)] ?? [undefined, 0];
    if (kind === undefined) return refuse('STREAM_BAD_VALUE', at + 12);
    for (const feature of [LZ4, ZSTD, SAME_AS, PARENT]) {
      if (needs & feature && !(image.features & feature)) refuse('STREAM_BAD_VALUE', at + 12);
    }
    const pageCount = small(bytes, at + 8, 4);
    if (pageCount === 0) refuse('STREAM_BAD_VALUE', at + 8);
    const firstPage = count(bytes, at);
    range(at, region, firstPage, pageCount);
    const length = pageCount * region.pageSize;
    if (kind !== 'zero' && kind !== 'parent') full += length;
    if (full > image.limits.maxPayloadBytes) refuse('STREAM_LIMIT', at + 8);
    const storedBytes = small(bytes, at + 16, 4);
    const bare = kind === 'zero' || kind === 'parent' || kind === 'same-as';
    if (bare && storedBytes !== 0) refuse('STREAM_BAD_VALUE', at + 16);
    if (kind === 'data' && storedBytes !== length) refuse('STREAM_BAD_VALUE', at + 16);
    if (!bare && kind !== 'data' && (storedBytes === 0 || storedBytes >= length))
      refuse('STREAM_BAD_VALUE', at + 16);
    if (bare) zeros(bytes, at + 20, at + 24);
    const sourceRegion = small(bytes, at + 24, 4);
    const sourcePage = small(bytes, at + 28, 4);
    if (kind === 'same-as') {
      const source = image.regions[sourceRegion];
      if (!source || source.pageSize !== region.pageSize) return refuse('STREAM_BAD_VALUE', at + 24);
      range(at + 28, source, sourcePage, pageCount);
    } else {
      zeros(bytes, at + 24, at + 32);
    }
    stored += pad8(storedBytes);
    const storedCrc = small(bytes, at + 20, 4);
    runs.push({ at, kind, firstPage, pageCount, storedBytes, storedCrc, sourceRegion, sourcePage });
  }
  long(dataStart + stored === end);
  return { region, runs, dataStart };
}

/** The pages of one run, as a list of pages. */
function unpack(
  run: Run,
  stored: Uint8Array,
  region: RegionEntry,
  image: Image,
  storedAt: number,
): Uint8Array {
  const length = run.pageCount * region.pageSize;
  const pages = new Uint8Array(length);
  if (run.kind === 'data') return stored;
  if (run.kind === 'same-as') {
    for (let i = 0; i < run.pageCount; i++) {
      pages.set(image.pages.get(`${run.sourceRegion}:${run.sourcePage + i}`)!, i * region.pageSize);
    }
    return pages;
  }
  if (run.kind.endsWith('lz4')) {
    const list = referenceLz4(stored, length);
    if (!list) return refuse('STREAM_UNPACK', storedAt);
    pages.set(list);
  } else if (!tinyUnpackZstd(stored, pages)) {
    return refuse('STREAM_UNPACK', storedAt);
  }
  if (!run.kind.startsWith('delta')) return pages;
  return pages.map((byte, i) => {
    const old = image.parent!.page(region.id, run.firstPage + Math.floor(i / region.pageSize));
    return byte ^ old[i % region.pageSize]!;
  });
}

export function readChunks(frame: Located, image: Image) {
  const { bytes } = frame;
  const { region, runs, dataStart } = readTable(frame, image);
  let at = dataStart;
  const places = runs.map(({ storedBytes }) => {
    const place = at;
    at += pad8(storedBytes);
    return place;
  });
  for (const [index, { at: entry, storedBytes, storedCrc }] of runs.entries()) {
    const place = places[index]!;
    zeros(bytes, place + storedBytes, place + pad8(storedBytes));
    const crc = storedBytes === 0 ? 0 : referenceCrc32c(bytes.subarray(place, place + storedBytes));
    if (crc !== storedCrc) refuse('STREAM_BAD_VALUE', entry + 20);
  }
  for (const { at: entry, kind, pageCount, sourceRegion, sourcePage } of runs) {
    if (kind !== 'same-as') continue;
    for (let page = sourcePage; page < sourcePage + pageCount; page++) {
      if (!image.seen[sourceRegion]?.has(page)) refuse('STREAM_BAD_VALUE', entry + 28);
      if (image.copies.has(`${sourceRegion}:${page}`)) refuse('STREAM_BAD_VALUE', entry + 28);
    }
  }
  for (const { at: entry, kind, firstPage, pageCount } of runs) {
    for (let page = firstPage; page < firstPage + pageCount; page++) {
      if (image.seen[region.id]?.has(page)) refuse('STREAM_PAGE_REPEATED', entry);
      image.seen[region.id]?.add(page);
      if (kind === 'same-as') image.copies.add(`${region.id}:${page}`);
    }
  }
  const none = { data: 0, zero: 0, lz4: 0, zstd: 0, parent: 0 };
  const pagesByKind = { ...none, 'same-as': 0, 'delta-lz4': 0, 'delta-zstd': 0 };
  const inherited: { firstPage: number; pageCount: number }[] = [];
  const merged: PageRun[] = [];
  const parts: Uint8Array[] = [];
  for (const [index, run] of runs.entries()) {
    const { kind, firstPage, pageCount } = run;
    pagesByKind[kind] += pageCount;
    if (kind === 'parent') {
      inherited.push({ firstPage, pageCount });
      for (let page = firstPage; page < firstPage + pageCount; page++) {
        image.pages.set(`${region.id}:${page}`, image.parent!.page(region.id, page));
      }
      continue;
    }
    const place = places[index]!;
    const zero = kind === 'zero';
    const stored = bytes.subarray(place, place + run.storedBytes);
    const content = zero
      ? new Uint8Array(pageCount * region.pageSize)
      : unpack(run, stored, region, image, place);
    for (let page = 0; page < pageCount; page++) {
      const one = content.slice(page * region.pageSize, (page + 1) * region.pageSize);
      takePage(image, region, firstPage + page, one);
    }
    if (zero) image.zeroPages += pageCount;
    else {
      image.dataBytes += content.length;
      parts.push(content);
    }
    const last = merged.at(-1);
    const like = zero ? 'zero' : 'data';
    if (last?.kind === like && last.firstPage + last.pageCount === firstPage) {
      merged[merged.length - 1] = { ...last, pageCount: last.pageCount + pageCount };
    } else {
      merged.push({ firstPage, pageCount, kind: like });
    }
  }
  const packed = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let to = 0;
  for (const part of parts) {
    packed.set(part, to);
    to += part.length;
  }
  return {
    type: 'pages' as const,
    region: region.id,
    runs: merged,
    bytes: packed,
    stored: { inherited, pagesByKind },
  };
}

/** New content: the digest gets its term and, in an increment, loses that of the old one. */
export function takePage(image: Image, region: RegionEntry, page: number, content: Uint8Array): void {
  image.digest += referenceDigest(content, region.id, page * region.pageSize);
  if (image.features & PARENT) {
    image.digest -= referenceDigest(image.parent!.page(region.id, page), region.id, page * region.pageSize);
  }
  image.pages.set(`${region.id}:${page}`, content);
}

export function readParent({ bytes, offset, start, end }: Located, image: Image) {
  if (end - start !== 32) refuse('STREAM_BAD_LENGTH', offset + 8);
  const chainLength = small(bytes, start + 24, 4);
  if (chainLength === 0) refuse('STREAM_BAD_VALUE', start + 24);
  if (chainLength > 64) refuse('STREAM_LIMIT', start + 24);
  zeros(bytes, start + 28, start + 32);
  const parent = image.parent!;
  const digest = number(bytes, start, 8);
  if (digest !== parent.digest) refuse('STREAM_PARENT', start);
  const streamId = bytes.slice(start + 8, start + 24);
  if (!Buffer.from(streamId).equals(parent.streamId)) refuse('STREAM_PARENT', start + 8);
  if (chainLength !== parent.chainLength + 1) refuse('STREAM_PARENT', start + 24);
  image.digest = digest;
  return {
    type: 'parent' as const,
    digest: Uint32Array.of(small(bytes, start, 4), small(bytes, start + 4, 4)),
    streamId,
    chainLength,
  };
}

/** The parent of tests (`sampleParent`), said once more: one region of four pages, the first full of the letter A. */
export const referenceParent: ReferenceParent = {
  digest: 0xce61614463bb11c7n,
  streamId: Uint8Array.from({ length: 16 }, (_, index) => index),
  chainLength: 0,
  regions: [{ id: 0, name: 'ram', sizeBytes: 16384, pageSize: 4096 }],
  page: (_, page) => new Uint8Array(4096).fill(page === 0 ? 0x41 : 0),
};
