import { realpath } from 'node:fs/promises';
import { MAX_CHAIN_LENGTH, type StoredImage } from '@stillframe/page-stream';
import { openChain, openStored, type ParentChoice } from '../chain/image-chain.ts';
import { CliError } from '../cli-error.ts';
import { imagePath } from '../io/image-path.ts';

/** An image that an increment is made from, with all that it builds on, open. Disposing closes the files; idempotent. */
export interface OpenParent extends AsyncDisposable {
  readonly image: StoredImage;
  /** Of the whole chain. */
  readonly paths: readonly string[];
}

export interface ParentOptions extends ParentChoice {
  /** It was just written here: see `OpenOptions` of the page stream. */
  readonly isTrusted?: boolean;
}

/**
 * Throws what `openChain` throws, and CliError REFUSED when nothing can build on it any more. Its identity is checked; of its pages those that are
 * compared.
 */
export async function openParent(
  path: string,
  { isTrusted = false, ...choice }: ParentOptions = {},
): Promise<OpenParent> {
  const chain = await openChain(path, choice);
  try {
    const image = openStored(chain.links, { isTrusted }).at(-1)!;
    if (image.chainLength >= MAX_CHAIN_LENGTH) {
      throw new CliError(
        'REFUSED',
        `${path} has ${image.chainLength} images below it, and a chain has no more`,
        {
          hint: 'Make a full image of it with `migrate flatten`, or take one.',
        },
      );
    }
    let isClosed = false;
    return {
      image,
      paths: chain.links.map((link) => link.path),
      async [Symbol.asyncDispose]() {
        if (!isClosed) await chain[Symbol.asyncDispose]();
        isClosed = true;
      },
    };
  } catch (error) {
    await chain[Symbol.asyncDispose]();
    throw error;
  }
}

/** Whoever overwrites a part of the chain can read none of what builds on it any more. Throws CliError REFUSED. */
export async function assertNotInChain(outs: readonly string[], { paths }: OpenParent): Promise<void> {
  const taken = new Set(await Promise.all(paths.map((path) => realpath(path))));
  for (const out of outs) {
    // oxlint-disable-next-line no-await-in-loop -- a few
    if (!taken.has(await imagePath(out))) continue;
    throw new CliError(
      'REFUSED',
      `${out} is the parent, or below it: the new image would need what it replaces`,
      {
        hint: 'Name another file with --out.',
      },
    );
  }
}
