import { MAX_CHAIN_LENGTH, openImage, PageStreamError, type StoredImage } from '@stillframe/page-stream';
import { pageCodec } from '../codec.ts';
import { ChainError } from './chain-error.ts';
import { findParent, isSame } from './find-parent.ts';
import { asFailure, type ImageLink, openLink } from './image-link.ts';

/** An image and all that it builds on, open. Disposing closes the files. */
export interface ImageChain extends AsyncDisposable {
  /** The image that is complete in itself first, the wanted one last. */
  readonly links: readonly ImageLink[];
  readonly top: ImageLink;
}

/**
 * Opens the image at `path` and, if it is an increment, the images below it: those of `parentPaths` that it names, or else files in its
 * directory. Identities fit together afterwards; what the images hold is not checked.
 *
 * Throws CliError FILE, ChainError, and SnapshotError for an image whose head or end is damaged.
 */
export async function openChain(path: string, parentPaths: readonly string[] = []): Promise<ImageChain> {
  const opened: ImageLink[] = [];
  const close = async () => {
    await Promise.all(opened.map(({ source }) => source[Symbol.asyncDispose]()));
  };
  try {
    const top = await openLink(path);
    opened.push(top);
    const named: ImageLink[] = [];
    for (const parentPath of parentPaths) {
      // oxlint-disable-next-line no-await-in-loop -- the first that cannot be opened is the one that is told
      const link = await openLink(parentPath);
      named.push(link);
      opened.push(link);
    }
    const links = await climbDown(top, named, opened);
    const unused = named.find((link) => !links.includes(link));
    if (unused !== undefined) {
      throw new ChainError('CHAIN_UNUSED_PARENT', path, `${unused.path} is not below it`);
    }
    return { links: links.toReversed(), top, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** From the top down. Every link that is opened is put into `opened`. */
async function climbDown(
  top: ImageLink,
  named: readonly ImageLink[],
  opened: ImageLink[],
): Promise<ImageLink[]> {
  const links = [top];
  for (let at = top; at.identity.parent !== undefined; at = links.at(-1)!) {
    const wanted = at.identity.parent;
    if (links.some(({ identity }) => isSame(identity.streamId, wanted.streamId))) {
      throw new ChainError('CHAIN_CYCLE', at.path, 'it builds on an image that builds on it');
    }
    if (links.length > MAX_CHAIN_LENGTH) {
      throw new ChainError('CHAIN_TOO_LONG', top.path, `more than ${MAX_CHAIN_LENGTH} images are below it`);
    }
    // oxlint-disable-next-line no-await-in-loop -- which one comes next is known only now
    const parent = await findParent(at.path, wanted, named);
    if (!opened.includes(parent)) opened.push(parent);
    links.push(parent);
  }
  return links;
}

/**
 * Random access to the last image of a chain, through all of it. What is read is checked up to the checksum of its chunk.
 *
 * Throws SnapshotError where an image cannot be opened.
 */
export function openStored({ links }: Pick<ImageChain, 'links'>): StoredImage {
  let image: StoredImage | undefined;
  for (const { source } of links) {
    try {
      image = openImage((offset, length) => source.readAt(offset, length), {
        sizeBytes: source.sizeBytes,
        codec: pageCodec,
        ...(image === undefined ? {} : { parent: image }),
      });
    } catch (error) {
      throw error instanceof PageStreamError ? asFailure(error) : error;
    }
  }
  return image!;
}
