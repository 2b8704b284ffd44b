/** Of FORMAT.md; each keeps a header that nobody has authenticated yet from costing more than it may. */
export const HEADER_BYTES = 144;
export const TAG_BYTES = 16;
export const KEY_BYTES = 32;
export const SALT_BYTES = 32;
export const NONCE_BYTES = 12;

export const SEGMENT_MIN_BYTES = 4096;
export const SEGMENT_MAX_BYTES = 1024 * 1024;
export const DEFAULT_SEGMENT_BYTES = 64 * 1024;
export const SEGMENTS_MAX = 2 ** 32;

export const SCRYPT_LOG2N_MIN = 10;
export const SCRYPT_LOG2N_MAX = 20;
export const SCRYPT_R_MAX = 32;
export const SCRYPT_P_MAX = 16;
/** 128 · N · r. */
export const SCRYPT_MAX_BYTES = 256 * 1024 * 1024;
/** N · r · p: four times the default's. */
export const SCRYPT_WORK_MAX = 2 ** 22;

/** A key file of fewer bytes could be guessed. */
export const KEY_FILE_MIN_BYTES = 32;
export const KEY_FILE_MAX_BYTES = 4096;
/** Of a passphrase, in UTF-8. */
export const PASSPHRASE_MAX_BYTES = 4096;
