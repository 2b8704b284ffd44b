import type { RegionEntry } from '@stillframe/page-stream';
import type { SealKey } from '@stillframe/sealed-file';
import { CliError } from '../cli-error.ts';
import { AtomicFile } from '../io/atomic-file.ts';
import { writeImage, type WrittenImage } from '../write-image.ts';
import { MissingLookup } from './missing-lookup.ts';
import type { StoredHalf } from './stored-half.ts';

export interface JoinOptions {
  readonly out: string;
  /** Seals it. */
  readonly key?: SealKey | undefined;
  readonly signal: AbortSignal;
}

export interface JoinedHalves {
  readonly written: WrittenImage;
  /** Pages that only the source had. */
  readonly fromSource: number;
}

/**
 * Writes the guest that two halves are: memory and state of the destination, where it went on, and from the source the pages that had not
 * come. Throws CliError REFUSED for halves that do not belong together, FILE, the reason of `signal`, and SnapshotError.
 */
export async function joinHalves(
  halves: readonly [StoredHalf, StoredHalf],
  { out, key, signal }: JoinOptions,
): Promise<JoinedHalves> {
  const [source, destination] = sidesOf(halves);
  const missing = new MissingLookup(destination.note.missing);
  const whose = (region: number, page: number) =>
    missing.stretch(region, page).isMissing ? source.pages : destination.pages;
  const file = await AtomicFile.create(out, { key });
  try {
    file.neededBytes = source.regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const written = await writeImage(
      {
        regions: destination.regions,
        state: destination.note.state,
        owner(region, page) {
          const { isZero, end } = whose(region, page).owner(region, page);
          return { isZero, end: Math.min(end, missing.stretch(region, page).end) };
        },
        readPages: (region, page, into) => whose(region, page).readPages(region, page, into),
      },
      file,
      { chunks: { index: true }, signal },
    );
    await file.commit();
    const fromSource = destination.note.missing.reduce((sum, { pageCount }) => sum + pageCount, 0);
    return { written, fromSource };
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** In any order given. */
export function sidesOf(halves: readonly [StoredHalf, StoredHalf]): readonly [StoredHalf, StoredHalf] {
  const [first, second] = halves;
  if (first.note.side === second.note.side) {
    throw refused(`both halves are those of the ${first.note.side}`, 'Give one of each side.');
  }
  const { migration } = first.note;
  if (migration !== second.note.migration) {
    throw refused(
      `the halves are of different migrations, ${migration} and ${second.note.migration}`,
      'Give those that one migration left on both sides.',
    );
  }
  const [source, destination] = first.note.side === 'source' ? [first, second] : [second, first];
  if (
    layoutOf(source.regions) !== layoutOf(destination.regions) ||
    source.note.state.kind !== destination.note.state.kind ||
    source.note.missing.length > 0
  ) {
    throw refused('the halves say different things of one guest', 'One of them was changed by somebody.');
  }
  return [source, destination];
}

function layoutOf(regions: readonly RegionEntry[]): string {
  return JSON.stringify(regions.map(({ id, name, sizeBytes, pageSize }) => [id, name, sizeBytes, pageSize]));
}

function refused(message: string, hint: string): CliError {
  return new CliError('REFUSED', message, { hint });
}
