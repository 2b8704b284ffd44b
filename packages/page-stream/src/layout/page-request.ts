import { MAX_REQUEST_RUNS } from '../limits.ts';
import type { RegionEntry } from '../page-run.ts';
import type { Payload } from '../payload.ts';
import { setU64 } from '../u64.ts';

const HEAD_BYTES = 8;
const RUN_BYTES = 16;

/** Pages that are asked for. */
export interface RequestedRun {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
}

/** At most MAX_REQUEST_RUNS. */
export function writePageRequest(runs: readonly RequestedRun[]): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + RUN_BYTES * runs.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, runs.length, true);
  for (const [index, { region, firstPage, pageCount }] of runs.entries()) {
    const at = HEAD_BYTES + index * RUN_BYTES;
    view.setUint32(at, region, true);
    view.setUint32(at + 4, pageCount, true);
    setU64(view, at + 8, firstPage);
  }
  return bytes;
}

export function readPageRequest(payload: Payload, regions: readonly RegionEntry[]): RequestedRun[] {
  payload.expectAtLeast(HEAD_BYTES);
  const runCount = payload.u32(0);
  if (runCount === 0) payload.fail('STREAM_BAD_VALUE', 0, 'no runs');
  payload.expectWithin(runCount, MAX_REQUEST_RUNS, 'MAX_REQUEST_RUNS', 0);
  payload.reserved(4, 8);
  payload.expectLength(HEAD_BYTES + runCount * RUN_BYTES);
  return Array.from({ length: runCount }, (_, index) =>
    readRun(payload, HEAD_BYTES + index * RUN_BYTES, regions),
  );
}

function readRun(payload: Payload, at: number, regions: readonly RegionEntry[]): RequestedRun {
  const region = regions[payload.u32(at)];
  if (region === undefined) return payload.fail('STREAM_BAD_VALUE', at, `no region ${payload.u32(at)}`);
  const pageCount = payload.u32(at + 4);
  if (pageCount === 0) payload.fail('STREAM_BAD_VALUE', at + 4, 'a run without pages');
  const firstPage = payload.u64(at + 8);
  if (firstPage > region.sizeBytes / region.pageSize - pageCount) {
    payload.fail('STREAM_PAGE_RANGE', at + 8, `${pageCount} pages from ${firstPage} in region ${region.id}`);
  }
  return { region: region.id, firstPage, pageCount };
}
