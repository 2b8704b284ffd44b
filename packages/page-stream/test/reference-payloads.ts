import { isDeepStrictEqual } from 'node:util';
import type { StreamFrom } from '../src/frame-order.ts';
import type { Frame, FramePlace } from '../src/frames.ts';
import type { StreamLimits } from '../src/limits.ts';
import type { PageRun, RegionEntry } from '../src/page-run.ts';
import { readChunks, readParent, type ReferenceParent, takePage } from './reference-chunks.ts';
import { count, number, pad8, refuse, small, string, zeros } from './reference-fields.ts';

/** A frame within the whole stream: header at `offset`, payload from `start` to `end`. */
export interface Located {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly start: number;
  readonly end: number;
  readonly sequence: number;
}

/** What the image frames so far have said. */
export interface Image {
  readonly limits: StreamLimits;
  readonly from: StreamFrom;
  regions: RegionEntry[];
  /** The pages of each region that came. */
  seen: Set<number>[];
  zeroPages: number;
  dataBytes: number;
  digest: bigint;
  /** Feature bits that the reader knows, and those that the stream requires. */
  readonly known: number;
  features: number;
  readonly parent: ReferenceParent | undefined;
  /** What each page holds that came, by `region:page`. */
  readonly pages: Map<string, Uint8Array>;
  /** Pages of same-as runs. */
  readonly copies: Set<string>;
}

type Content<F> = F extends Frame ? Omit<F, keyof FramePlace> : never;
type Reader = (frame: Located, image: Image, frames: readonly Frame[]) => Content<Frame>;

function length(frame: Located, fits: boolean): void {
  if (!fits) refuse('STREAM_BAD_LENGTH', frame.offset + 8);
}

/** Low and high half of a u64. */
function bits64(bytes: Uint8Array, at: number): Uint32Array {
  return Uint32Array.of(small(bytes, at, 4), small(bytes, at + 4, 4));
}

export const readers: Record<string, Reader> = {
  header(frame, image) {
    const { bytes, start, end } = frame;
    length(frame, end - start >= 8);
    if (small(bytes, start, 2) !== 1) refuse('STREAM_VERSION', start);
    length(frame, end - start === 32);
    zeros(bytes, start + 2, start + 4);
    if (small(bytes, start + 4, 4) !== 4096) refuse('STREAM_BAD_VALUE', start + 4);
    image.features = small(bytes, start + 8, 4);
    if (image.features & ~image.known) refuse('STREAM_FEATURE', start + 8);
    return {
      type: 'header',
      version: 1,
      requiredFeatures: image.features,
      optionalFeatures: small(bytes, start + 12, 4),
      streamId: bytes.slice(start + 16, start + 32),
    };
  },

  regions(frame, image) {
    const { bytes, start, end } = frame;
    const { limits } = image;
    length(frame, end - start >= 8);
    const regionCount = small(bytes, start, 4);
    if (regionCount > limits.maxRegions) refuse('STREAM_LIMIT', start);
    zeros(bytes, start + 4, start + 8);
    let at = start + 8;
    let totalBytes = 0;
    let totalPages = 0;
    for (let id = 0; id < regionCount; id++) {
      length(frame, at + 24 <= end);
      if (small(bytes, at, 4) !== id) refuse('STREAM_BAD_VALUE', at);
      const pageSize = small(bytes, at + 4, 4);
      if (![4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288, 1048576, 2097152].includes(pageSize)) {
        refuse('STREAM_BAD_VALUE', at + 4);
      }
      const sizeBytes = count(bytes, at + 8);
      if (sizeBytes === 0 || sizeBytes % pageSize !== 0) refuse('STREAM_BAD_VALUE', at + 8);
      totalBytes += sizeBytes;
      totalPages += sizeBytes / pageSize;
      if (totalBytes > limits.maxImageBytes || totalPages > limits.maxPages) refuse('STREAM_LIMIT', at + 8);
      const nameBytes = small(bytes, at + 16, 2);
      if (nameBytes === 0) refuse('STREAM_BAD_STRING', at + 16);
      if (nameBytes > 255) refuse('STREAM_LIMIT', at + 16);
      zeros(bytes, at + 18, at + 24);
      const nameEnd = at + 24 + nameBytes;
      const next = at + 24 + pad8(nameBytes);
      length(frame, next <= end);
      image.regions.push({ id, pageSize, sizeBytes, name: string(bytes, at + 24, nameEnd) });
      image.seen.push(new Set());
      zeros(bytes, nameEnd, next);
      at = next;
    }
    length(frame, at === end);
    if (image.features & 32) {
      // oxlint-disable-next-line unicorn/consistent-function-scoping -- read where it is used
      const layout = (list: readonly RegionEntry[]) =>
        list.map(({ pageSize, sizeBytes }) => [pageSize, sizeBytes]);
      const same = isDeepStrictEqual(layout(image.regions), layout(image.parent!.regions));
      if (!same) refuse('STREAM_PARENT', start);
    }
    return { type: 'regions', regions: image.regions };
  },

  state(frame, image, frames) {
    const { bytes, start, end } = frame;
    length(frame, end - start >= 24);
    const parts = frames.filter(({ type }) => type === 'state');
    const first = parts.find((part) => part.type === 'state');
    const totalBytes = count(bytes, start);
    if (totalBytes > image.limits.maxStateBytes) refuse('STREAM_LIMIT', start);
    if (first && first.totalBytes !== totalBytes) refuse('STREAM_BAD_VALUE', start);
    const partOffset = count(bytes, start + 8);
    const expected = parts.reduce((sum, part) => sum + (part.type === 'state' ? part.bytes.length : 0), 0);
    if (partOffset !== expected) refuse('STREAM_BAD_VALUE', start + 8);
    const partBytes = small(bytes, start + 16, 4);
    if (partOffset + partBytes > totalBytes) refuse('STREAM_BAD_VALUE', start + 16);
    if (partBytes === 0 && totalBytes > 0) refuse('STREAM_BAD_VALUE', start + 16);
    const kindBytes = small(bytes, start + 20, 2);
    if (first && kindBytes !== 0) refuse('STREAM_BAD_VALUE', start + 20);
    if (!first && kindBytes === 0) refuse('STREAM_BAD_STRING', start + 20);
    if (kindBytes > 255) refuse('STREAM_LIMIT', start + 20);
    zeros(bytes, start + 22, start + 24);
    const kindEnd = start + 24 + kindBytes;
    const dataStart = start + 24 + pad8(kindBytes);
    length(frame, dataStart + pad8(partBytes) === end);
    const kind = first ? first.kind : string(bytes, start + 24, kindEnd);
    zeros(bytes, kindEnd, dataStart);
    zeros(bytes, dataStart + partBytes, end);
    return {
      type: 'state',
      kind,
      totalBytes,
      partOffset,
      bytes: bytes.slice(dataStart, dataStart + partBytes),
      last: partOffset + partBytes === totalBytes,
    };
  },

  chunks: readChunks,
  parent: readParent,

  pages(frame, image) {
    const { bytes, start, end } = frame;
    length(frame, end - start >= 8);
    const region = image.regions[small(bytes, start, 4)];
    if (!region) return refuse('STREAM_BAD_VALUE', start);
    const runCount = small(bytes, start + 4, 4);
    if (runCount === 0) refuse('STREAM_BAD_VALUE', start + 4);
    if (runCount > 16384) refuse('STREAM_LIMIT', start + 4);
    length(frame, end - start >= 8 + 16 * runCount);
    const runs: PageRun[] = [];
    for (let run = 0; run < runCount; run++) {
      const at = start + 8 + 16 * run;
      const kind = small(bytes, at + 12, 4);
      if (kind > 1) refuse('STREAM_BAD_VALUE', at + 12);
      const pageCount = small(bytes, at + 8, 4);
      if (pageCount === 0) refuse('STREAM_BAD_VALUE', at + 8);
      const firstPage = count(bytes, at);
      if ((firstPage + pageCount) * region.pageSize > region.sizeBytes) refuse('STREAM_PAGE_RANGE', at);
      runs.push({ firstPage, pageCount, kind: kind === 0 ? 'data' : 'zero' });
    }
    const dataRuns = runs.filter(({ kind }) => kind === 'data');
    const dataPages = dataRuns.reduce((sum, { pageCount }) => sum + pageCount, 0);
    const dataStart = start + 8 + 16 * runCount;
    length(frame, dataStart + dataPages * region.pageSize === end);
    const seen = image.seen[region.id] ?? new Set();
    let at = dataStart;
    for (const [index, { firstPage, pageCount, kind }] of runs.entries()) {
      for (let page = firstPage; page < firstPage + pageCount; page++) {
        if (seen.has(page)) refuse('STREAM_PAGE_REPEATED', start + 8 + 16 * index);
        seen.add(page);
        if (kind === 'zero') {
          image.zeroPages++;
          takePage(image, region, page, new Uint8Array(region.pageSize));
          continue;
        }
        const content = bytes.slice(at, at + region.pageSize);
        takePage(image, region, page, content);
        image.dataBytes += region.pageSize;
        at += region.pageSize;
      }
    }
    return { type: 'pages', region: region.id, runs, bytes: bytes.slice(dataStart, end) };
  },

  end(frame, image) {
    const { bytes, start, end, offset, sequence } = frame;
    length(frame, end - start === 40);
    const pages = image.seen.reduce((sum, set) => sum + set.size, 0);
    const all = image.regions.reduce((sum, { sizeBytes, pageSize }) => sum + sizeBytes / pageSize, 0);
    if (pages !== all) refuse('STREAM_PAGES_MISSING', offset);
    for (const [index, total] of [pages, image.zeroPages, image.dataBytes, sequence].entries()) {
      if (number(bytes, start + 8 * index, 8) !== BigInt(total)) refuse('STREAM_TOTALS', start + 8 * index);
    }
    if (number(bytes, start + 32, 8) !== BigInt.asUintN(64, image.digest))
      refuse('STREAM_DIGEST', start + 32);
    const { zeroPages, dataBytes } = image;
    return { type: 'end', pages, zeroPages, dataBytes, frames: sequence, digest: bits64(bytes, start + 32) };
  },

  hello(frame, image) {
    const { bytes, start, end } = frame;
    length(frame, end - start === 48);
    const versionMin = small(bytes, start, 2);
    const versionMax = small(bytes, start + 2, 2);
    if (versionMin === 0) refuse('STREAM_BAD_VALUE', start);
    if (versionMax < versionMin) refuse('STREAM_BAD_VALUE', start + 2);
    const role = image.from === 'source' ? 'source' : 'destination';
    if (small(bytes, start + 4, 4) !== (role === 'source' ? 1 : 2)) refuse('STREAM_BAD_VALUE', start + 4);
    const maxPayloadBytes = small(bytes, start + 8, 4);
    if (maxPayloadBytes < 65536 || maxPayloadBytes % 8 !== 0) refuse('STREAM_BAD_VALUE', start + 8);
    const limits = {
      maxPayloadBytes,
      maxRegions: small(bytes, start + 12, 4),
      maxPages: count(bytes, start + 16),
      maxImageBytes: count(bytes, start + 24),
      maxStateBytes: count(bytes, start + 32),
    };
    zeros(bytes, start + 44, start + 48);
    return { type: 'hello', role, versionMin, versionMax, features: small(bytes, start + 40, 4), limits };
  },

  ack(frame) {
    const { bytes, start, end } = frame;
    length(frame, end - start >= 24);
    const outcome = small(bytes, start, 4);
    if (outcome > 1) refuse('STREAM_BAD_VALUE', start);
    const verified = small(bytes, start + 4, 4);
    if (verified > 3) refuse('STREAM_RESERVED', start + 4);
    const messageBytes = small(bytes, start + 16, 2);
    if (messageBytes > 1024) refuse('STREAM_LIMIT', start + 16);
    zeros(bytes, start + 18, start + 24);
    length(frame, start + 24 + pad8(messageBytes) === end);
    const message = string(bytes, start + 24, start + 24 + messageBytes);
    zeros(bytes, start + 24 + messageBytes, end);
    return {
      type: 'ack',
      outcome: outcome === 0 ? 'done' : 'failed',
      digestVerified: verified % 2 === 1,
      oracleVerified: verified >= 2,
      digest: bits64(bytes, start + 8),
      message,
    };
  },

  abort(frame) {
    const { bytes, start, end } = frame;
    length(frame, end - start >= 8);
    const codeBytes = small(bytes, start, 2);
    const messageBytes = small(bytes, start + 2, 2);
    if (codeBytes === 0) refuse('STREAM_BAD_STRING', start);
    if (codeBytes > 64) refuse('STREAM_LIMIT', start);
    if (messageBytes > 1024) refuse('STREAM_LIMIT', start + 2);
    zeros(bytes, start + 4, start + 8);
    const codeEnd = start + 8 + codeBytes;
    const messageEnd = codeEnd + messageBytes;
    length(frame, start + pad8(8 + codeBytes + messageBytes) === end);
    const code = string(bytes, start + 8, codeEnd);
    if (!/^[A-Za-z0-9_.:/-]+$/.test(code)) refuse('STREAM_BAD_STRING', start + 8);
    const message = string(bytes, codeEnd, messageEnd);
    zeros(bytes, messageEnd, end);
    return { type: 'abort', code, message };
  },
};
