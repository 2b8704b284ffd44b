import { setImmediate as turn } from 'node:timers/promises';
import {
  type ImageHead,
  type LostPages,
  PageStreamError,
  readImageRegions,
  type Salvage,
  salvageImage,
} from '@stillframe/page-stream';
import { SnapshotError } from '@stillframe/snapshot';
import { ChainError } from './chain/chain-error.ts';
import { openParents, type OpenLinks, openStored, type ParentChoice } from './chain/image-chain.ts';
import { asFailure } from './chain/image-link.ts';
import { pageCodec } from './codec.ts';
import { type FileSource, openFileSource } from './io/file-source.ts';

/** A damaged image, open. */
export interface DamagedImage extends AsyncDisposable {
  readonly salvage: Salvage;
  readonly head: ImageHead;
  /** Why the images below an increment cannot be used, so that all pages it takes from them are lost; empty otherwise. */
  readonly parentTrouble: string;
}

/**
 * Opens an image of which frames, or the end, may be damaged. Throws CliError FILE, and SnapshotError where the regions cannot be read:
 * then nothing can be saved.
 */
export async function openDamaged(path: string, parents: ParentChoice): Promise<DamagedImage> {
  const source = await (parents.open ?? openFileSource)(path, {
    // Zeros in place of a damaged segment: no checksum of a frame is right with them.
    onDamage: () => undefined,
  });
  let below: OpenLinks | undefined;
  const close = async () => {
    await below?.[Symbol.asyncDispose]();
    await source[Symbol.asyncDispose]();
  };
  try {
    const head = readHead(source);
    let parentTrouble = '';
    try {
      below = await openParents({ path, identity: head }, parents);
    } catch (error) {
      if (!(error instanceof ChainError || error instanceof SnapshotError)) throw error;
      parentTrouble = error.message;
    }
    return { ...openSalvage(source, below, parentTrouble), head, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openSalvage(
  source: FileSource,
  below: OpenLinks | undefined,
  trouble: string,
): Pick<DamagedImage, 'salvage' | 'parentTrouble'> {
  let parentTrouble = trouble;
  let parent: ReturnType<typeof openStored>[number] | undefined;
  try {
    parent = openStored(below?.links ?? []).at(-1);
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    parentTrouble = error.message;
  }
  const salvage = salvageImage((offset, length) => source.readAt(offset, length), {
    sizeBytes: source.sizeBytes,
    codec: pageCodec,
    ...(parent === undefined ? {} : { parent }),
  });
  return { salvage, parentTrouble };
}

function readHead(source: FileSource): ImageHead {
  try {
    return readImageRegions((offset, length) => source.readAt(offset, length), {
      sizeBytes: source.sizeBytes,
      codec: pageCodec,
    });
  } catch (error) {
    throw error instanceof PageStreamError ? asFailure(error) : error;
  }
}

/** Pieces between two looks at signals, of up to a MiB each. */
const PIECES_PER_TURN = 16;

/** The pages that are not lost, in order; what is lost is known afterwards. Throws the reason of `signal`. */
export async function* salvagedPages({ salvage }: DamagedImage, signal: AbortSignal) {
  let pieces = 0;
  for (const piece of salvage.pages()) {
    yield piece;
    pieces += 1;
    // oxlint-disable-next-line no-await-in-loop -- reading is synchronous
    if (pieces % PIECES_PER_TURN === 0) await turn();
    signal.throwIfAborted();
  }
}

/** Reads all pages, to know which are lost. */
export async function readAll(image: DamagedImage, signal: AbortSignal): Promise<void> {
  const pages = salvagedPages(image, signal);
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  while ((await pages.next()).done !== true);
}

/** How many pages `lost` are. */
export function countLost(lost: readonly LostPages[]): number {
  return lost.reduce((sum, { pageCount }) => sum + pageCount, 0);
}
