import type { DirtyRun } from '@stillframe/migration';
import type { RegionEntry } from '@stillframe/page-stream';
import type { GuestState } from '@stillframe/snapshot';
import { AtomicFile } from '../io/atomic-file.ts';
import type { HalfFile } from '../options/half-options.ts';
import { writeImage, type WrittenImage } from '../write-image.ts';
import { type HalfNote, packHalf } from './half-state.ts';
import { MissingLookup } from './missing-lookup.ts';

/** What one side has of a guest at rest. */
export interface GuestHalf {
  readonly regions: readonly RegionEntry[];
  readonly state: GuestState;
  /** Never read: who touches them may sleep for ever. Ascending. */
  readonly missing: readonly DirtyRun[];
  readPages(region: number, firstPage: number, into: Uint8Array): void | Promise<void>;
}

/**
 * Writes a half as an image file, under its name only when it is complete and durable (I-7); readable for its owner only. Throws CliError
 * FILE, and what reading throws.
 */
export async function saveHalf(
  { path, key }: HalfFile,
  half: GuestHalf,
  note: Pick<HalfNote, 'side' | 'migration'>,
): Promise<WrittenImage> {
  const { regions, missing } = half;
  const lookup = new MissingLookup(missing);
  const file = await AtomicFile.create(path, { key });
  try {
    file.neededBytes = regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const written = await writeImage(
      {
        regions,
        state: packHalf({ ...note, missing, state: half.state }),
        owner(region, page) {
          const { isMissing, end } = lookup.stretch(region, page);
          return { isZero: isMissing, end };
        },
        readPages: (region, page, into) => half.readPages(region, page, into),
      },
      file,
      { chunks: { index: true } },
    );
    await file.commit();
    return written;
  } catch (error) {
    await file.discard();
    throw error;
  }
}
