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

/** How all images of a command are opened. */
export function imageOpener(
  key?: SealKey,
): (path: string, options?: OpenSealedOptions) => Promise<FileSource> {
  return (path, options) => openImageFile(path, { ...options, key });
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
    hint: 'Give the key that it was made with: --key-file FILE or --passphrase-file FILE.',
  });
}

function notSealed(path: string): CliError {
  return new CliError('REFUSED', `${path} is not sealed, so nobody knows who wrote or changed it`, {
    hint: 'Leave out --key-file and --passphrase-file if you trust it all the same.',
  });
}
