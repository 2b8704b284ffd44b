import { SLABS_UNDER_WAY_MAX } from '@stillframe/page-stream';
import type { CaptureOptions } from './guest.ts';

/** How captured pages travel from the store to the sink. */
export interface PumpMode {
  /** 2: one is being written while the other is encoded. */
  readonly maxBatches: number;
  /** Slabs in one vectored write. */
  readonly maxSlabs: number;
  /** Pages in one grant. */
  readonly grantMaxPages: number;
  /** The seed's way: page by page, and a fault counts as read when its page's turn has come. */
  readonly isInline: boolean;
}

/**
 * Slabs are up to 1 MiB. Four make a system call and a wake-up cheap, and leave two more lots of four, one to encode and one to fill,
 * within what a sweep may hold.
 */
const SLABS_PER_WRITE = 4;

/** Write → release → step the limiter → grant one page. Nothing is done ahead, so each step of the limiter sees exactly one page. */
const INLINE: PumpMode = { maxBatches: 1, maxSlabs: 1, grantMaxPages: 1, isInline: true };

const OVERLAPPED: PumpMode = {
  maxBatches: 2,
  maxSlabs: SLABS_PER_WRITE,
  grantMaxPages: Number.MAX_SAFE_INTEGER,
  isInline: false,
};

/** Slabs that are packed or wait for the sink, when nothing else is said. Each may hold a slab of the store until it is packed, and a buffer of the packer until it is written. */
const PACKED_SLABS_DEFAULT = 4;

/**
 * Slabs that go through a packer together at most: what JavaScript does for each batch, a third thread on two cores, then weighs a quarter.
 */
const SLABS_PER_PACK = 4;

/** How pages are packed. */
export interface PackMode {
  readonly slabsUnderWay: number;
  /** Slabs that the packer can hold at a time, where it says so. */
  readonly buffers: number | undefined;
}

/**
 * `packing` is undefined where nothing is packed. Slabs that are packed together wait for each other with a buffer each: so never more than the packer
 * has, and half of them, so that others are packed meanwhile.
 */
export function pumpMode({ preImagesMaxBytes }: CaptureOptions, packing?: PackMode): PumpMode {
  if (preImagesMaxBytes === 0) return INLINE;
  if (packing === undefined) return OVERLAPPED;
  const { slabsUnderWay, buffers = 1 } = packing;
  const maxSlabs = Math.max(1, Math.min(SLABS_PER_PACK, Math.floor(Math.min(slabsUnderWay, buffers) / 2)));
  return { ...OVERLAPPED, maxBatches: Math.floor(slabsUnderWay / maxSlabs), maxSlabs };
}

/** How many slabs may be in a packer at a time. RangeError for what is not 1 to SLABS_UNDER_WAY_MAX. */
export function packedSlabs(wanted: number = PACKED_SLABS_DEFAULT): number {
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= SLABS_UNDER_WAY_MAX) return wanted;
  throw new RangeError(`packedSlabs is ${wanted}; 1 to ${SLABS_UNDER_WAY_MAX}`);
}
