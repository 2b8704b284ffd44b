/** What to do about each code. */
const hints = {
  SEALED_MAGIC: 'This is no sealed file.',
  SEALED_VERSION: 'A newer version wrote it. Use that one.',
  SEALED_LIMITS: 'The header asks for more than this reader allows: it is damaged, or made to do harm.',
  SEALED_HEADER: 'The header is damaged.',
  SEALED_KEY: 'Is it the key or passphrase that the file was written with? If so, its header was changed.',
  SEALED_KEY_KIND: 'Give the kind of key that the file was written with.',
  SEALED_TRUNCATED: 'The end is missing or damaged: the file was cut. Copy it again.',
  SEALED_DAMAGED: 'Bytes of it were changed since it was written. Copy it again.',
} as const;

/** What can be wrong with a sealed file. Stable: exit codes and scripts rely on these words. */
export type SealedFileErrorCode = keyof typeof hints;

export class SealedFileError extends Error {
  override readonly name = 'SealedFileError';
  readonly code: SealedFileErrorCode;
  readonly hint: string;
  /** Of SEALED_DAMAGED and SEALED_TRUNCATED: the number of the segment that does not open. */
  readonly segment: number | undefined;

  constructor(code: SealedFileErrorCode, message: string, segment?: number) {
    super(message);
    this.code = code;
    this.hint = hints[code];
    this.segment = segment;
  }
}
