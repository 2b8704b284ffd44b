import {
  isSealed,
  openSealed,
  type OpenSealedOptions,
  type SealedReader,
  type SealKey,
} from '@stillframe/sealed-file';
import { CliError } from '../cli-error.ts';
import { type FileSource, openFileSource } from './file-source.ts';

/** Longer than the mark of a sealed file. */
const BEGINNING_BYTES = 16;

export interface ImageFileOptions extends OpenSealedOptions {
  /** The image must be sealed with it: otherwise a plain image could be put in the place of a sealed one. */
  readonly key?: SealKey | undefined;
}

/**
 * An image file as a byte source, whether it is sealed or not. Throws CliError FILE when it cannot be read, REFUSED when it is sealed and
 * there is no key or the reverse, and SealedFileError.
 */
export async function openImageFile(
  path: string,
  { key, ...options }: ImageFileOptions = {},
): Promise<FileSource> {
  const file = await openFileSource(path);
  try {
    const sealed = isSealed(file.readAt(0, BEGINNING_BYTES));
    if (sealed !== (key !== undefined)) throw sealed ? needsKey(path) : notSealed(path);
    if (key === undefined) return file;
    const readAt = (offset: number, length: number) => file.readAt(offset, length);
    return sealedSource(file, await openSealed(readAt, file.sizeBytes, key, options));
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

/** Files beside an image that a passphrase is tried on while looking for its parent: each takes a third of a second, and 128 MiB. */
export const PASSPHRASE_TRIALS_MAX = 32;

/** As `OpenSource` of a chain has it. */
export interface OpeningOptions extends OpenSealedOptions {
  /** It may be any file: somebody looks for one among many. */
  readonly isSearch?: boolean;
}

/** A search that would take too long. */
export class SearchLimitError extends CliError {}

/** How all images of a command are opened. Searching throws SearchLimitError after PASSPHRASE_TRIALS_MAX different sealed files. */
export function imageOpener(key?: SealKey): (path: string, options?: OpeningOptions) => Promise<FileSource> {
  const tried = new Set<string>();
  return async (path, { isSearch = false, ...options } = {}) => {
    if (isSearch && key?.scrypt !== undefined && !tried.has(path) && (await isSealedFile(path))) {
      if (tried.size >= PASSPHRASE_TRIALS_MAX) throw tooMany(path);
      tried.add(path);
    }
    return await openImageFile(path, { ...options, key });
  };
}

async function isSealedFile(path: string): Promise<boolean> {
  await using file = await openFileSource(path);
  return isSealed(file.readAt(0, BEGINNING_BYTES));
}

function tooMany(path: string): SearchLimitError {
  return new SearchLimitError(
    'REFUSED',
    `the passphrase was tried on ${PASSPHRASE_TRIALS_MAX} files, and the parent is not among them; ${path} would be the next`,
    { hint: 'Name the images below with --parent PATH, or keep chains in directories of their own.' },
  );
}

function sealedSource(file: FileSource, reader: SealedReader): FileSource {
  let position = 0;
  return {
    sizeBytes: reader.sizeBytes,
    async read(into) {
      // Decrypting is synchronous: a segment at a time, so that others get their turns.
      const count = reader.readInto(position, into.subarray(0, reader.segmentBytes));
      position += count;
      return count;
    },
    readAt: (offset, length) => reader.readAt(offset, length),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

function needsKey(path: string): CliError {
  return new CliError('REFUSED', `${path} is sealed`, {
    hint: 'Give the key that it was made with: --key-file FILE, --passphrase-file FILE or --passphrase.',
  });
}

function notSealed(path: string): CliError {
  return new CliError('REFUSED', `${path} is not sealed, so nobody knows who wrote or changed it`, {
    hint: 'Leave out the key if you trust it all the same.',
  });
}
