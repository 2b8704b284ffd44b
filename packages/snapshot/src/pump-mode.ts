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

/**
 * Slabs that are packed or wait for the sink, when nothing else is said: enough for a thread or two. Each may hold a slab of the store until it is packed,
 * and a buffer of the packer until it is written.
 */
const PACKED_SLABS_DEFAULT = 4;

/** `slabsUnderWay` is undefined where nothing is packed. */
export function pumpMode({ preImagesMaxBytes }: CaptureOptions, slabsUnderWay?: number): PumpMode {
  if (preImagesMaxBytes === 0) return INLINE;
  return slabsUnderWay === undefined ? OVERLAPPED : { ...OVERLAPPED, maxBatches: slabsUnderWay, maxSlabs: 1 };
}

/** How many slabs may be in a packer at a time. RangeError for what is not 1 to SLABS_UNDER_WAY_MAX. */
export function packedSlabs(wanted: number = PACKED_SLABS_DEFAULT): number {
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= SLABS_UNDER_WAY_MAX) return wanted;
  throw new RangeError(`packedSlabs is ${wanted}; 1 to ${SLABS_UNDER_WAY_MAX}`);
}
