import type { EncodedPages, PageStreamEncoder } from '@stillframe/page-stream';
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
  /** Of the slabs together. */
  readonly held: HeldSince;
  /** The slabs stay until the sink has taken the bytes, also when nobody needs them any more. */
  readonly keepsSlabs: boolean;
  /** Called when every slab has gone back before the batch is written. */
  readonly onReleased: () => void;
}

/**
 * Packs slabs away from the event loop. A packer copies what it packs: then a slab goes back as soon as it is packed, not only when the sink
 * has taken the bytes. When packing fails, all of them go back once nobody works at any.
 */
export async function packBatch(
  encoder: PageStreamEncoder,
  slabs: readonly Slab[],
  { pulledNs, faults, held, keepsSlabs, onReleased }: PackOptions,
): Promise<PageBatch> {
  const kept: Slab[] = [];
  let memoryBytes = 0;
  let pages = 0;
  let faultPages = 0;
  for (const slab of slabs) {
    const slabPages = pageCountOf(slab);
    pages += slabPages;
    if (slab.cause === 'fault') faultPages += slabPages;
    memoryBytes += slab.bytes.byteLength;
  }
  const packed = await allPacked(
    slabs.map((slab) => packSlab(encoder, slab, keepsSlabs, kept)),
    kept,
  );
  if (kept.length === 0) onReleased();
  const iovecs = packed.flatMap(({ buffers }) => buffers);
  return {
    iovecs,
    bytes: byteLength(iovecs),
    memoryBytes,
    slabs: kept,
    release: () => {
      for (const each of packed) each.release();
    },
    pages,
    faultPages,
    pulledNs,
    heldSince: kept.length === 0 ? undefined : held,
    faults,
  };
}

/** One slab, which goes back when it is packed, or into `kept`. */
async function packSlab(
  encoder: PageStreamEncoder,
  slab: Slab,
  keepsSlabs: boolean,
  kept: Slab[],
): Promise<EncodedPages> {
  try {
    const packed = await encoder.packPages(slab.region, slab.runs, slab.bytes);
    if (packed.usesSlab || keepsSlabs) kept.push(slab);
    else slab.release();
    return packed;
  } catch (error) {
    slab.release();
    throw error;
  }
}

/** In order. When one fails, what the others hold is given back. */
async function allPacked(
  packing: readonly Promise<EncodedPages>[],
  kept: readonly Slab[],
): Promise<EncodedPages[]> {
  try {
    return await Promise.all(packing);
  } catch (error) {
    for (const settled of await Promise.allSettled(packing)) {
      if (settled.status === 'fulfilled') settled.value.release();
    }
    for (const slab of kept) slab.release();
    throw error;
  }
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
