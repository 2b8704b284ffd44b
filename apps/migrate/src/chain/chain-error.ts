/**
 * Why the images below an increment cannot be used.
 *
 * | code | meaning |
 * |---|---|
 * | `CHAIN_PARENT_MISSING` | no file that was named or lies beside the image is the parent |
 * | `CHAIN_WRONG_PARENT` | a file says that it is the parent, but is not as the increment names it |
 * | `CHAIN_UNUSED_PARENT` | `--parent` names an image that is not in the chain |
 * | `CHAIN_TOO_LONG` | more images than a chain may have |
 * | `CHAIN_CYCLE` | an image that is, at some distance, its own parent |
 */
export type ChainErrorCode =
  | 'CHAIN_PARENT_MISSING'
  | 'CHAIN_WRONG_PARENT'
  | 'CHAIN_UNUSED_PARENT'
  | 'CHAIN_TOO_LONG'
  | 'CHAIN_CYCLE';

const HINTS: Readonly<Record<ChainErrorCode, string>> = {
  CHAIN_PARENT_MISSING: 'Name it with --parent PATH, or put it into the directory of the image.',
  CHAIN_WRONG_PARENT: 'The file was replaced or damaged. Find the one that the increment was made from.',
  CHAIN_UNUSED_PARENT: 'Leave it out, or look at what the image names: `migrate inspect`.',
  CHAIN_TOO_LONG: 'Make a full image of a lower one first: `migrate flatten`.',
  CHAIN_CYCLE: 'No snapshot writes such images. Do not use them.',
};

export class ChainError extends Error {
  override readonly name = 'ChainError';
  readonly code: ChainErrorCode;
  /** The image whose parent it is about. */
  readonly path: string;
  readonly hint: string;

  constructor(code: ChainErrorCode, path: string, message: string, options: { cause?: unknown } = {}) {
    super(`${path}: ${message}`, options);
    this.code = code;
    this.path = path;
    this.hint = HINTS[code];
  }
}
