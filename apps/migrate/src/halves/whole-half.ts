import { CliError } from '../cli-error.ts';
import { AtomicFile } from '../io/atomic-file.ts';
import { writeImage, type WrittenImage } from '../write-image.ts';
import type { JoinOptions } from './join-halves.ts';
import type { StoredHalf } from './stored-half.ts';

/**
 * Writes the guest that is in one half, when that has all of its pages: what there is to go on with when the other half is lost. Throws CliError
 * REFUSED for one that misses pages, FILE, the reason of `signal`, and SnapshotError.
 */
export async function wholeOfHalf(
  half: StoredHalf,
  { out, key, signal }: JoinOptions,
): Promise<WrittenImage> {
  const { note, pages, path, regions } = half;
  const missing = note.missing.reduce((sum, { pageCount }) => sum + pageCount, 0);
  if (missing > 0) {
    throw new CliError('REFUSED', `${path} misses ${missing} pages, which are only at the source`, {
      hint: 'Give the half of the source as well.',
    });
  }
  const file = await AtomicFile.create(out, { key });
  try {
    file.neededBytes = regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const written = await writeImage(
      {
        regions,
        state: note.state,
        owner: (region, page) => pages.owner(region, page),
        readPages: (region, page, into) => pages.readPages(region, page, into),
      },
      file,
      { chunks: { index: true }, signal },
    );
    await file.commit();
    return written;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** What whoever takes one half for the guest has to know. */
export function wordsOf({ note }: StoredHalf): string {
  return note.side === 'source'
    ? 'it is the guest as of the hand-over: what it did at the destination since is not in it, so be sure that it is lost there'
    : 'it is the guest of the destination: be sure that the source does not run it (migrate reconcile, with both records)';
}
