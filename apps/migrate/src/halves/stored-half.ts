import type { RegionEntry } from '@stillframe/page-stream';
import type { Target } from '@stillframe/snapshot';
import { ChainPages } from '../chain/chain-pages.ts';
import { openChain } from '../chain/image-chain.ts';
import { CliError } from '../cli-error.ts';
import { type LoadOptions, restoreInto } from '../load-image.ts';
import { type HalfNote, readHalf } from './half-state.ts';

/** A half in a file, all of which was read and is right. Disposing closes the file. */
export interface StoredHalf extends AsyncDisposable {
  readonly path: string;
  readonly note: HalfNote;
  readonly regions: readonly RegionEntry[];
  readonly pages: Pick<ChainPages, 'owner' | 'readPages'>;
}

/** Throws CliError FILE, CliError USAGE for an image that is no half, and SnapshotError for what is damaged. */
export async function openHalf(path: string, options: LoadOptions): Promise<StoredHalf> {
  await restoreInto(path, checkingTarget(), options);
  const chain = await openChain(path, options.open === undefined ? {} : { open: options.open });
  try {
    const pages = new ChainPages(chain.links);
    const { regions } = pages.top;
    const note = readHalf(pages.top.readState(), regions);
    if (note === undefined) throw notHalf(path);
    return { path, note, regions, pages, [Symbol.asyncDispose]: () => chain[Symbol.asyncDispose]() };
  } catch (error) {
    await chain[Symbol.asyncDispose]();
    throw error;
  }
}

/** Keeps nothing: checksums, coverage and digest are looked at on the way. */
function checkingTarget(): Target {
  return {
    async allocate() {},
    async writeState() {},
    async writePages() {},
    async commit() {},
    async discard() {},
  };
}

function notHalf(path: string): CliError {
  return new CliError('USAGE', `${path} is no half of a guest`, {
    hint: 'It was written by --save-half of `migrate source` or `migrate dest`.',
  });
}
