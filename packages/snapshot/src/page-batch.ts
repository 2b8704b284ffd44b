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
    const slabPages = pageCountOf(slab);
    pages += slabPages;
    if (slab.cause === 'fault') faultPages += slabPages;
  }
  return { iovecs, bytes, slabs, pages, faultPages, pulledNs, heldSince: heldSince(slabs), faults };
}

export interface PackOptions {
  readonly pulledNs: number;
  readonly faults: FaultReading;
  readonly held: HeldSince;
  /** The slab stays until the sink has taken the bytes, also when nobody needs it any more. */
  readonly keepsSlab: boolean;
  /** Called when the slab has gone back before the batch is written. */
  readonly onReleased: () => void;
}

/**
 * Packs one slab away from the event loop. A packer copies what it packs: then the slab goes back at once, not only when the sink has
 * taken the bytes. It also goes back when packing fails.
 */
export async function packBatch(
  encoder: PageStreamEncoder,
  slab: Slab,
  { pulledNs, faults, held, keepsSlab, onReleased }: PackOptions,
): Promise<PageBatch> {
  const packed = await encoder.packPages(slab.region, slab.runs, slab.bytes).catch((error: unknown) => {
    slab.release();
    throw error;
  });
  const isKept = packed.usesSlab || keepsSlab;
  const memoryBytes = slab.bytes.byteLength;
  const pages = pageCountOf(slab);
  if (!isKept) {
    slab.release();
    onReleased();
  }
  return {
    iovecs: packed.buffers,
    bytes: byteLength(packed.buffers),
    memoryBytes,
    slabs: isKept ? [slab] : [],
    release: () => packed.release(),
    pages,
    faultPages: slab.cause === 'fault' ? pages : 0,
    pulledNs,
    heldSince: isKept ? held : undefined,
    faults,
  };
}

export function pageCountOf(slab: Slab): number {
  let pages = 0;
  for (const run of slab.runs) pages += run.pageCount;
  return pages;
}

/** Frames without pages that anybody has pulled. */
export function headBatch(iovecs: readonly Uint8Array[], faults: FaultReading): PageBatch {
  const nothing = { slabs: [], pages: 0, faultPages: 0, pulledNs: 0, heldSince: undefined };
  return { iovecs, bytes: byteLength(iovecs), ...nothing, faults };
}
