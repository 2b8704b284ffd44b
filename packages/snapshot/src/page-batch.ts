import type { PageStreamEncoder } from '@stillframe/page-stream';
import type { FaultReading } from './fault-reading.ts';
import type { Slab } from './guest.ts';
import { byteLength } from './output.ts';
import { type HeldSince, heldSince } from './sojourn-meter.ts';
import type { Batch } from './write-pipeline.ts';

/** Pages on their way to the sink. */
export interface PageBatch extends Batch {
  readonly pages: number;
  readonly faultPages: number;
  readonly pulledNs: number;
  /** Of its slabs; undefined without any. */
  readonly heldSince: HeldSince | undefined;
  /** The fault numbers when the slabs were pulled. */
  readonly faults: FaultReading;
}

/** Encodes `slabs`. A slab counts by its runs, never page by page. */
export function encodeBatch(
  encoder: PageStreamEncoder,
  slabs: readonly Slab[],
  pulledNs: number,
  faults: FaultReading,
): PageBatch {
  const iovecs: Uint8Array[] = [];
  let bytes = 0;
  let pages = 0;
  let faultPages = 0;
  for (const slab of slabs) {
    for (const iovec of encoder.encodePages(slab.region, slab.runs, slab.bytes)) {
      iovecs.push(iovec);
      bytes += iovec.byteLength;
    }
    let slabPages = 0;
    for (const run of slab.runs) slabPages += run.pageCount;
    pages += slabPages;
    if (slab.cause === 'fault') faultPages += slabPages;
  }
  return { iovecs, bytes, slabs, pages, faultPages, pulledNs, heldSince: heldSince(slabs), faults };
}

/** Frames without pages. */
export function headBatch(iovecs: readonly Uint8Array[], faults: FaultReading): PageBatch {
  const nothing = { slabs: [], pages: 0, faultPages: 0, pulledNs: 0, heldSince: undefined };
  return { iovecs, bytes: byteLength(iovecs), ...nothing, faults };
}
