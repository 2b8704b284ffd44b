import { unwrapDataKey } from './data-key.ts';
import { SealedFileError } from './error.ts';
import { decodeHeader } from './header.ts';
import { HEADER_BYTES, SEGMENTS_MAX, TAG_BYTES } from './limits.ts';
import type { SealKey } from './seal-key.ts';
import { SealedReader } from './sealed-reader.ts';
import { SegmentCipher } from './segment.ts';

/** `length` bytes at `offset` of the stored file, fewer only at its end. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

export interface OpenSealedOptions {
  /**
   * For salvaging. When given, a segment that does not open reads as zeros and is told of here, by its place in the content, whenever it is read
   * from the file; also the last one of a file that was cut, whose size is then believed. Otherwise reading throws.
   */
  readonly onDamage?: (range: DamagedRange) => void;
}

export interface DamagedRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Checks header, key and end of a sealed file. `readAt` is called as long as the reader is used; what it returns is not kept.
 *
 * Rejects with SealedFileError, of every code but SEALED_DAMAGED.
 */
export async function openSealed(
  readAt: ReadAt,
  sizeBytes: number,
  key: SealKey,
  options: OpenSealedOptions = {},
): Promise<SealedReader> {
  const header = Uint8Array.from(readAt(0, HEADER_BYTES));
  const fields = decodeHeader(header);
  const dataKey = unwrapDataKey(header, await key.derive(fields));
  const { segmentBytes } = fields;
  const storedBytes = segmentBytes + TAG_BYTES;
  const bodyBytes = sizeBytes - HEADER_BYTES;
  const segments = Math.ceil(bodyBytes / storedBytes);
  const lastBytes = bodyBytes - (segments - 1) * storedBytes - TAG_BYTES;
  const isPossible = segments === 1 ? lastBytes >= 0 : lastBytes > 0;
  if (segments > SEGMENTS_MAX) {
    throw new SealedFileError('SEALED_LIMITS', `${segments} segments, and ${SEGMENTS_MAX} are allowed`);
  }
  if (segments < 1 || (!isPossible && (options.onDamage === undefined || segments === 1))) {
    throw new SealedFileError(
      'SEALED_TRUNCATED',
      'the file ends within a segment',
      Math.max(0, segments - 1),
    );
  }
  // What is left of a segment without a whole tag holds nothing.
  const whole = isPossible ? segments : segments - 1;
  const contentBytes = (whole - 1) * segmentBytes + (isPossible ? lastBytes : segmentBytes);
  const cipher = new SegmentCipher(dataKey, header);
  const reader = new SealedReader(
    { readAt, cipher, segmentBytes, sizeBytes: contentBytes },
    options.onDamage,
  );
  if (options.onDamage === undefined) reader.checkEnd();
  return reader;
}
