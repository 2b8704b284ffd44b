import { opendir } from 'node:fs/promises';
import path from 'node:path';
import {
  formatDigest,
  type ImageIdentity,
  PageStreamError,
  type ParentIdentity,
} from '@stillframe/page-stream';
import { CliError } from '../cli-error.ts';
import { SealedFileError } from '@stillframe/sealed-file';
import { openFileSource } from '../io/file-source.ts';
import { SearchLimitError } from '../io/image-file.ts';
import { ChainError } from './chain-error.ts';
import { type ImageLink, identityOf, type OpenSource, openLink } from './image-link.ts';

/** Files that are looked at beside an image: each costs a few small reads. */
export const DIRECTORY_FILES_MAX = 4096;

/** The image that the one at `childPath` builds on: one of `named`, or a file beside it. Throws ChainError. */
export async function findParent(
  childPath: string,
  wanted: ParentIdentity,
  named: readonly ImageLink[],
  open: OpenSource = openFileSource,
): Promise<ImageLink> {
  const given = named.find(({ identity }) => isSame(identity.streamId, wanted.streamId));
  if (given !== undefined) return checked(childPath, given, wanted);
  const found = await searchDirectory(childPath, wanted, open);
  if (found === undefined) {
    const id = Buffer.from(wanted.streamId).toString('hex');
    const what = `it builds on the image ${id} with digest ${formatDigest(wanted.digest)}, which is not here`;
    throw new ChainError('CHAIN_PARENT_MISSING', childPath, what);
  }
  return checked(childPath, found, wanted);
}

/** Why an image that has the right stream id is not the parent, or undefined. */
function mismatch({ parent, totals }: ImageIdentity, wanted: ParentIdentity): string | undefined {
  const digest = formatDigest(totals.digest);
  const wantedDigest = formatDigest(wanted.digest);
  if (digest !== wantedDigest) return `its digest is ${digest}, and not ${wantedDigest}`;
  const below = parent?.chainLength ?? 0;
  if (below + 1 === wanted.chainLength) return undefined;
  return `it says that ${below} images are below it, and not ${wanted.chainLength - 1}`;
}

async function checked(childPath: string, link: ImageLink, wanted: ParentIdentity): Promise<ImageLink> {
  const why = mismatch(link.identity, wanted);
  if (why === undefined) return link;
  await link.source[Symbol.asyncDispose]();
  throw new ChainError('CHAIN_WRONG_PARENT', childPath, `${link.path} is not its parent: ${why}`);
}

/** A file with the stream id; of several the one that is right, if there is one. */
async function searchDirectory(
  childPath: string,
  wanted: ParentIdentity,
  open: OpenSource,
): Promise<ImageLink | undefined> {
  let wrong: string | undefined;
  for (const file of await filesBeside(childPath)) {
    // oxlint-disable-next-line no-await-in-loop -- until one is right
    const identity = await peek(file, open);
    if (identity === undefined || !isSame(identity.streamId, wanted.streamId)) continue;
    if (mismatch(identity, wanted) === undefined) return openLink(file, open);
    wrong ??= file;
  }
  return wrong === undefined ? undefined : openLink(wrong, open);
}

/** Those with a name like the image's first: the images of a series differ in their ends. */
async function filesBeside(childPath: string): Promise<string[]> {
  const folder = path.dirname(childPath);
  const names: string[] = [];
  for await (const entry of await opendir(folder)) {
    // Temporary names of files that are not complete begin with a dot.
    if (!entry.isFile() || entry.name.startsWith('.')) continue;
    if (names.length >= DIRECTORY_FILES_MAX) break;
    names.push(entry.name);
  }
  const child = path.basename(childPath);
  const likeness = new Map(names.map((name) => [name, commonStart(name, child)]));
  return names
    .toSorted((one, other) => likeness.get(other)! - likeness.get(one)!)
    .map((name) => path.join(folder, name));
}

function commonStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

/** Undefined for what is no image, or cannot be read. */
async function peek(file: string, open: OpenSource): Promise<ImageIdentity | undefined> {
  try {
    await using source = await open(file, { isSearch: true });
    return identityOf(source);
  } catch (error) {
    if (error instanceof SearchLimitError) throw error;
    if (error instanceof PageStreamError || error instanceof CliError || error instanceof SealedFileError)
      return undefined;
    throw error;
  }
}

export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
