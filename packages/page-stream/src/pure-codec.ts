import type { PageCodec } from './codec.ts';
import { crc32c, crcShift, moveCrc } from './crc32c.ts';
import { addUnit } from './image-digest.ts';
import { DIGEST_UNIT_BYTES } from './limits.ts';
import { findZeroRuns } from './zero-runs.ts';

const unitShift = crcShift(DIGEST_UNIT_BYTES);

/** `PageCodec.digestRun`, in JavaScript: each byte is read once, the CRC of the run is combined from those of its units. */
function digestRun(
  pages: Uint8Array,
  seed: number,
  region: number,
  firstUnit: number,
  digest: Uint32Array,
): number {
  const unitCount = pages.byteLength / DIGEST_UNIT_BYTES;
  if (!Number.isInteger(unitCount)) {
    throw new RangeError(`${pages.byteLength} bytes are not a whole number of units of ${DIGEST_UNIT_BYTES}`);
  }
  if (!Number.isSafeInteger(firstUnit) || firstUnit < 0 || digest.length !== 2) {
    throw new RangeError('firstUnit must be a safe integer and digest must have two entries');
  }
  let crc = seed;
  for (let i = 0; i < unitCount; i++) {
    const unit = pages.subarray(i * DIGEST_UNIT_BYTES, (i + 1) * DIGEST_UNIT_BYTES);
    const unitCrc = crc32c(unit);
    addUnit(digest, region, firstUnit + i, unitCrc);
    crc = (moveCrc(unitShift, crc) ^ unitCrc) >>> 0;
  }
  return crc;
}

/** The codec used when none is injected: right everywhere, without native code. */
export const pureCodec: PageCodec = { crc32c, findZeroRuns, digestRun };
