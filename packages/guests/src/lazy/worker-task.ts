import type { ImageFiles } from './image-files.ts';
import type { LostRun } from './image-filler.ts';

/** What the thread that fills pages is given. */
export interface FillTask extends ImageFiles {
  readonly serverId: number;
  readonly pagesPerPage: number;
  /** A module that exports `pageCodec`, as a URL; without one packed pages are unpacked in JavaScript, and zstd not at all. */
  readonly codecModule: string | undefined;
  /** Lost pages are told on stderr before anybody can be ended by touching them. */
  readonly tellsStderr: boolean;
}

/** What it says. */
export type FillWord = { readonly type: 'ready' } | ({ readonly type: 'lost' } & LostRun);
