import type { ResolvedRegion } from './capture-region.ts';
import type { ForeignRegion } from './foreign-memory.ts';

// Regions as the native engine takes them: address, bytes, bytes in a page, flags. See native/binding/capture_binding.cc.

const REGION_WORDS = 4;
const FLAG_READ_BY_KERNEL = 1n;
const FLAG_HOLES_ARE_ZERO = 2n;
const FLAG_ONLY_AT_CUT = 4n;
const FLAG_FILE = 8n;
/** The descriptor of the file is in the upper half of the flags. */
const FILE_SHIFT = 32n;

/** Of this process. `holes`: the kernel arms pages that are not there. */
export function ownWords(regions: readonly ResolvedRegion[], holes: boolean): BigUint64Array {
  return BigUint64Array.from(
    regions.flatMap(({ address, sizeBytes, pageSize, mayVanish, holesAreZero }) => [
      address,
      BigInt(sizeBytes),
      BigInt(pageSize),
      (mayVanish ? FLAG_READ_BY_KERNEL : 0n) | (holes && holesAreZero ? FLAG_HOLES_ARE_ZERO : 0n),
    ]),
  );
}

/** Read through its /proc/PID/mem; holes are known where there is a file to ask. */
export function foreignWords(regions: readonly ForeignRegion[]): BigUint64Array {
  const words = new BigUint64Array(regions.length * REGION_WORDS);
  for (const [index, { address, sizeBytes, pageSize, onlyAtCut, fileFd }] of regions.entries()) {
    const file = fileFd === undefined ? 0n : FLAG_FILE | (BigInt(fileFd) << FILE_SHIFT);
    const flags = FLAG_READ_BY_KERNEL | (onlyAtCut === true ? FLAG_ONLY_AT_CUT : 0n) | file;
    words.set([address, BigInt(sizeBytes), BigInt(pageSize), flags], index * REGION_WORDS);
  }
  return words;
}
