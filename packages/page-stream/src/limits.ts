/** The unit of the image digest, in bytes, whatever the page size of a region. */
export const DIGEST_UNIT_BYTES = 4096;

/** The smallest page of the machines we know. */
export const MIN_PAGE_SIZE = 4096;

/** A page travels in one frame, so it is bounded by the payload. Larger host pages are sent as several of these. */
export const MAX_PAGE_SIZE = 2 * 1024 * 1024;

/** What a reader has to hold before it can check a frame; slabs are about 1 MiB, so 8 leaves room for large pages. */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

/** A reader that accepts less than this could not take a slab of any use. */
export const MIN_PAYLOAD_BYTES = 64 * 1024;

/** Control frames hold a few numbers and a short message. */
export const MAX_CONTROL_PAYLOAD_BYTES = 4096;

/** A process has at most 65,530 mappings by default and neighbours merge; a reader keeps about half a KiB for each region. */
export const MAX_REGIONS = 16_384;

/** A reader keeps one bit for each page at worst: 128 MiB. 4 TiB of 4 KiB pages. */
export const MAX_PAGES = 2 ** 30;

/** 16 TiB: larger than the machines we know, and every byte count stays far below 2^53. */
export const MAX_IMAGE_BYTES = 2 ** 44;

/** Device state of a large VM is tens of MiB; a reader may have to hold all of it. */
export const MAX_STATE_BYTES = 256 * 1024 * 1024;

/** A slab of 2,048 pages needs no more than 2,048 runs; holes come in fewer. The table stays below 256 KiB. */
export const MAX_RUNS = 16_384;

/** Each image of a chain of increments is an open file and a look-up on the way to a page. */
export const MAX_CHAIN_LENGTH = 64;

/** 48 MiB in memory. Enough for 2 TiB in frames of a MiB; an image that needs more has no index. */
export const MAX_INDEX_ENTRIES = 2 ** 21;

/** Frames of unknown type that a reader passes over before it stops believing that the stream gets anywhere. */
export const MAX_SKIPPED_FRAMES = 4096;

/** The name of a region and the kind of a state, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255;

/** The code in an ABORT frame, in bytes. */
export const MAX_CODE_BYTES = 64;

/** The message in an ACK or ABORT frame, in bytes of UTF-8: one line on a terminal. */
export const MAX_MESSAGE_BYTES = 1024;

/** Runs in one PAGE_REQUEST: what a control payload holds. */
export const MAX_REQUEST_RUNS = 255;

/** Further connections with pages in one migration: each is a socket and two buffers at the destination. */
export const MAX_LANES = 16;

/** Pages in one RESUME_BITMAP: their bits fill a control payload but for its head. */
export const MAX_BITMAP_PAGES = 32_512;

/** The limits that a reader may lower, and that it announces in its HELLO (all but `maxSkippedFrames`). */
export interface StreamLimits {
  /** MIN_PAYLOAD_BYTES to MAX_PAYLOAD_BYTES, a multiple of 8. */
  readonly maxPayloadBytes: number;
  readonly maxRegions: number;
  /** Sum over all regions. */
  readonly maxPages: number;
  /** Sum of the region sizes. */
  readonly maxImageBytes: number;
  readonly maxStateBytes: number;
  readonly maxSkippedFrames: number;
}

/** The limits of the format: what a reader accepts unless its caller lowers them. */
export const formatLimits: StreamLimits = {
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  maxRegions: MAX_REGIONS,
  maxPages: MAX_PAGES,
  maxImageBytes: MAX_IMAGE_BYTES,
  maxStateBytes: MAX_STATE_BYTES,
  maxSkippedFrames: MAX_SKIPPED_FRAMES,
};

const limitNames = [
  'maxPayloadBytes',
  'maxRegions',
  'maxPages',
  'maxImageBytes',
  'maxStateBytes',
  'maxSkippedFrames',
] as const;

/** `lowered` over the limits of the format. Throws RangeError when one is not an integer from its minimum to that of the format. */
export function lowerLimits(lowered: Partial<StreamLimits> = {}): StreamLimits {
  const limits = { ...formatLimits, ...lowered };
  for (const name of limitNames) {
    const min = name === 'maxPayloadBytes' ? MIN_PAYLOAD_BYTES : 0;
    const value = limits[name];
    if (!Number.isInteger(value) || value < min || value > formatLimits[name]) {
      throw new RangeError(`${name} is ${value}; it must be an integer from ${min} to ${formatLimits[name]}`);
    }
  }
  if (limits.maxPayloadBytes % 8 !== 0) {
    throw new RangeError(`maxPayloadBytes is ${limits.maxPayloadBytes}; it must be a multiple of 8`);
  }
  return limits;
}
