import { MAX_RUNS } from '../limits.ts';
import type { PageRun, RegionEntry } from '../page-run.ts';
import type { Payload } from '../payload.ts';
import { setU64 } from '../u64.ts';

export const PAGES_HEAD_BYTES = 8;
export const RUN_BYTES = 16;

const kinds = ['data', 'zero'] as const;

/** Writes payload head and run table to `bytes`, which has just their size. */
export function writeRunTable(bytes: Uint8Array, region: number, runs: readonly PageRun[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, region, true);
  view.setUint32(4, runs.length, true);
  let at = PAGES_HEAD_BYTES;
  for (const { firstPage, pageCount, kind } of runs) {
    setU64(view, at, firstPage);
    view.setUint32(at + 8, pageCount, true);
    view.setUint32(at + 12, kinds.indexOf(kind), true);
    at += RUN_BYTES;
  }
}

export interface RunTable {
  readonly region: RegionEntry;
  readonly runs: readonly PageRun[];
  /** Where the page bytes start in the payload; they go to its end. */
  readonly dataStart: number;
}

/** Where run `index` stands in the payload. */
export function runPosition(index: number): number {
  return PAGES_HEAD_BYTES + index * RUN_BYTES;
}

/**
 * Everything but repeated pages, which need to know what came before. `payload` may end behind the table when `payloadBytes`, the true
 * length, is given.
 */
export function readRunTable(
  payload: Payload,
  regions: readonly RegionEntry[],
  payloadBytes = payload.length,
): RunTable {
  payload.expectAtLeast(PAGES_HEAD_BYTES);
  const region = regions[payload.u32(0)];
  if (region === undefined) return payload.fail('STREAM_BAD_VALUE', 0, `no region ${payload.u32(0)}`);
  const runCount = payload.u32(4);
  if (runCount === 0) payload.fail('STREAM_BAD_VALUE', 4, 'no runs');
  const dataStart = runTableBytes(payload);
  payload.expectAtLeast(dataStart);
  const runs: PageRun[] = [];
  let dataPages = 0;
  for (let index = 0; index < runCount; index++) {
    const run = readRun(payload, runPosition(index), region);
    if (run.kind === 'data') dataPages += run.pageCount;
    runs.push(run);
  }
  const needed = dataStart + dataPages * region.pageSize;
  if (payloadBytes !== needed) payload.failLength(`${payloadBytes} bytes, layout needs ${needed}`);
  return { region, runs, dataStart };
}

function readRun(payload: Payload, at: number, region: RegionEntry): PageRun {
  const kind = kinds[payload.u32(at + 12)];
  if (kind === undefined) {
    return payload.fail('STREAM_BAD_VALUE', at + 12, `unknown run kind ${payload.u32(at + 12)}`);
  }
  const pageCount = payload.u32(at + 8);
  if (pageCount === 0) payload.fail('STREAM_BAD_VALUE', at + 8, 'a run without pages');
  const firstPage = payload.u64(at);
  const regionPages = region.sizeBytes / region.pageSize;
  if (firstPage > regionPages - pageCount) {
    const message = `${pageCount} pages from ${firstPage} in region ${region.id} of ${regionPages} pages`;
    payload.fail('STREAM_PAGE_RANGE', at, message);
  }
  return { firstPage, pageCount, kind };
}

/** Bytes of payload head and run table, from a payload that may hold nothing but the head. */
export function runTableBytes(payload: Payload): number {
  payload.expectAtLeast(PAGES_HEAD_BYTES);
  const runCount = payload.u32(4);
  payload.expectWithin(runCount, MAX_RUNS, 'MAX_RUNS', 4);
  return runPosition(runCount);
}

/** Counts pages by kind, without a region table to check against. */
export function sumRuns(payload: Payload) {
  payload.expectAtLeast(runTableBytes(payload));
  const runCount = payload.u32(4);
  const sums = { region: payload.u32(0), runCount, dataPages: 0, zeroPages: 0 };
  for (let index = 0; index < runCount; index++) {
    const at = runPosition(index);
    if (payload.u32(at + 12) === kinds.indexOf('zero')) sums.zeroPages += payload.u32(at + 8);
    else sums.dataPages += payload.u32(at + 8);
  }
  return sums;
}
