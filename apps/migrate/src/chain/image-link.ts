import { type ImageIdentity, PageStreamError, readIdentity } from '@stillframe/page-stream';
import { SnapshotError } from '@stillframe/snapshot';
import { pageCodec } from '../codec.ts';
import { type FileSource, openFileSource } from '../io/file-source.ts';
import type { OpeningOptions } from '../io/image-file.ts';
import { ChainError } from './chain-error.ts';

/**
 * How an image file is opened; another way than `openFileSource` for what is not a page stream as it lies there. Throws CliError where it
 * cannot: a search goes on with the next file then.
 */
export type OpenSource = (path: string, options?: OpeningOptions) => Promise<FileSource>;

/** One image of a chain, open. */
export interface ImageLink {
  readonly path: string;
  readonly source: FileSource;
  readonly identity: ImageIdentity;
}

/**
 * Opens an image and reads what it says it is. Throws CliError FILE, ChainError CHAIN_TOO_LONG, and SnapshotError as receiving the image
 * would. Closing `source` is up to the caller.
 */
export async function openLink(path: string, open: OpenSource = openFileSource): Promise<ImageLink> {
  const source = await open(path);
  try {
    return { path, source, identity: identityOf(source) };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    if (isTooLong(error)) throw new ChainError('CHAIN_TOO_LONG', path, error.message, { cause: error });
    throw error instanceof PageStreamError ? asFailure(error) : error;
  }
}

export function identityOf(source: FileSource): ImageIdentity {
  return readIdentity((offset, length) => source.readAt(offset, length), {
    sizeBytes: source.sizeBytes,
    codec: pageCodec,
  });
}

function isTooLong(error: unknown): error is PageStreamError {
  return (
    error instanceof PageStreamError &&
    error.code === 'STREAM_LIMIT' &&
    error.message.includes('MAX_CHAIN_LENGTH')
  );
}

/** What is wrong with a stored image, as receiving it says it. */
export function asFailure(error: PageStreamError): SnapshotError {
  const isVersion = error.code === 'STREAM_VERSION' || error.code === 'STREAM_FEATURE';
  return new SnapshotError(isVersion ? 'version-mismatch' : 'corrupt-stream', error.message, {
    operands: { streamCode: error.code, byteOffset: error.offset },
    hint: error.hint,
    cause: error,
  });
}
