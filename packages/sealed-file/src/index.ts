export { SealedFileError, type SealedFileErrorCode } from './error.ts';
export { isSealed, type ScryptCost } from './header.ts';
export {
  DEFAULT_SEGMENT_BYTES,
  HEADER_BYTES,
  KEY_FILE_MAX_BYTES,
  KEY_FILE_MIN_BYTES,
  PASSPHRASE_MAX_BYTES,
  SEGMENT_MAX_BYTES,
  SEGMENT_MIN_BYTES,
} from './limits.ts';
export { type DamagedRange, openSealed, type OpenSealedOptions, type ReadAt } from './open-sealed.ts';
export { DEFAULT_SCRYPT, SealKey } from './seal-key.ts';
export type { SealedReader } from './sealed-reader.ts';
export { type Append, SealedWriter } from './sealed-writer.ts';
export { Sealer, type SealOptions } from './sealer.ts';
