import type { Round } from './campaign.ts';
import { runChangedImage, runChangedIndex, runDamagedImage } from './images.ts';
import { runMigrationRound } from './migration-rounds.ts';
import { runSessionRound } from './session-rounds.ts';
import { limits, runStreamRound } from './stream-rounds.ts';

/** What can be fuzzed, by name. */
export const campaigns: Readonly<Record<string, Round>> = {
  /** Streams and stored images with chunks and parents, against the reference decoder. */
  stream: runStreamRound,
  /** Random access and salvaging of images that were damaged, or changed with right checksums. */
  image: (random) => (random.once(2) ? runDamagedImage(random) : runChangedImage(random, limits)),
  /** Random access by an index that says something else. */
  index: runChangedIndex,
  /** Frames that only migrations have. */
  migration: runMigrationRound,
  /** Connections that come back. */
  session: runSessionRound,
};
