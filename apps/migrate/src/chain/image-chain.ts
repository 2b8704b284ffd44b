import {
  type ImageHead,
  MAX_CHAIN_LENGTH,
  openImage,
  type OpenOptions,
  PageStreamError,
  type StoredImage,
} from '@stillframe/page-stream';
import { pageCodec } from '../codec.ts';
import { ChainError } from './chain-error.ts';
import { findParent, isSame } from './find-parent.ts';
import { asFailure, type ImageLink, type OpenSource, openLink } from './image-link.ts';
import type { ReadMark } from './read-mark.ts';

/** Images that are open. Disposing closes the files. */
export interface OpenLinks extends AsyncDisposable {
  /** The image that is complete in itself first. */
  readonly links: readonly ImageLink[];
}

/** An image and all that it builds on, open; the wanted one is the last of `links`. */
export interface ImageChain extends OpenLinks {
  readonly top: ImageLink;
}

/** Where parents are looked for first. */
export interface ParentChoice {
  /** Paths, in any order. */
  readonly parents?: readonly string[];
  /** Default `openFileSource`; for the image itself and all below it. */
  readonly open?: OpenSource;
  /** Notes which of the files was read last. */
  readonly mark?: ReadMark;
  /** Some may belong to another image; otherwise that is a mistake. */
  readonly mayBeUnused?: boolean;
}

/** An image whose parent is wanted. */
interface Child {
  readonly path: string;
  readonly identity: Pick<ImageHead, 'streamId' | 'parent'>;
}

/**
 * Opens the image at `path` and, if it is an increment, the images below it: those of `parents` that it names, or else files in its
 * directory. Identities fit together afterwards; what the images hold is not checked.
 *
 * Throws CliError FILE, ChainError, and SnapshotError for an image whose head or end is damaged.
 */
export async function openChain(path: string, options: ParentChoice = {}): Promise<ImageChain> {
  const top = await openLink(path, options.open);
  try {
    const below = await openParents(top, options);
    const links = [...below.links, noted(top, options.mark)];
    return {
      links,
      top: links.at(-1)!,
      async [Symbol.asyncDispose]() {
        await below[Symbol.asyncDispose]();
        await top.source[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await top.source[Symbol.asyncDispose]();
    throw error;
  }
}

/** The images below `child`; none for one that is complete in itself. Throws as `openChain`. */
export async function openParents(
  child: Child,
  { parents = [], mayBeUnused = false, mark, open }: ParentChoice = {},
): Promise<OpenLinks> {
  const opened: ImageLink[] = [];
  const close = async () => {
    await Promise.all(opened.map(({ source }) => source[Symbol.asyncDispose]()));
  };
  try {
    const named: ImageLink[] = [];
    for (const parentPath of parents) {
      // oxlint-disable-next-line no-await-in-loop -- the first that cannot be opened is the one that is told
      const link = await openLink(parentPath, open);
      named.push(link);
      opened.push(link);
    }
    const links = await climbDown(child, named, opened, open);
    const unused = named.find((link) => !links.includes(link));
    if (unused !== undefined && !mayBeUnused) {
      throw new ChainError('CHAIN_UNUSED_PARENT', child.path, `${unused.path} is not below it`);
    }
    const noting = links.toReversed().map((link) => noted(link, mark));
    return { links: noting, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function noted(link: ImageLink, mark: ReadMark | undefined): ImageLink {
  return mark === undefined ? link : { ...link, source: mark.noting(link.path, link.source) };
}

/** From the top down. Every link that is opened is put into `opened`. */
async function climbDown(
  child: Child,
  named: readonly ImageLink[],
  opened: ImageLink[],
  open: OpenSource | undefined,
): Promise<ImageLink[]> {
  const links: ImageLink[] = [];
  for (let at = child; at.identity.parent !== undefined; at = links.at(-1)!) {
    const wanted = at.identity.parent;
    if ([child, ...links].some(({ identity }) => isSame(identity.streamId, wanted.streamId))) {
      throw new ChainError('CHAIN_CYCLE', at.path, 'it builds on an image that builds on it');
    }
    if (links.length >= MAX_CHAIN_LENGTH) {
      const message = `more than ${MAX_CHAIN_LENGTH} images are below it`;
      throw new ChainError('CHAIN_TOO_LONG', child.path, message);
    }
    // oxlint-disable-next-line no-await-in-loop -- which one comes next is known only now
    const parent = await findParent(at.path, wanted, named, open);
    if (!opened.includes(parent)) opened.push(parent);
    links.push(parent);
  }
  return links;
}

/**
 * Random access to the images of a chain, each through those below it. What is read is checked up to the checksum of its chunk.
 *
 * Throws SnapshotError where an image cannot be opened.
 */
export function openStored(
  links: readonly ImageLink[],
  options: Pick<OpenOptions, 'isTrusted'> = {},
): StoredImage[] {
  const images: StoredImage[] = [];
  for (const link of links) images.push(openOnto(link, images.at(-1), options));
  return images;
}

/** Random access to one image, through the one that it builds on. Throws SnapshotError. */
export function openOnto(
  { source }: ImageLink,
  parent: StoredImage | undefined,
  options: Pick<OpenOptions, 'isTrusted'> = {},
): StoredImage {
  try {
    return openImage((offset, length) => source.readAt(offset, length), {
      sizeBytes: source.sizeBytes,
      codec: pageCodec,
      ...options,
      ...(parent === undefined ? {} : { parent }),
    });
  } catch (error) {
    throw error instanceof PageStreamError ? asFailure(error) : error;
  }
}
