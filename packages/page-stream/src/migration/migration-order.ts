import { FrameAdmission } from '../frame-admission.ts';
import { type FrameHeader, frameTypes, isControlType, migrationTypes } from '../frame-header.ts';
import type { MigrationFrame } from './frames.ts';

/** Whose bytes: FORMAT.md, "Migration streams". A lane is any connection but the first. */
export type MigrationFrom = 'source' | 'source-lane' | 'destination';

/** Types that have a layout in a migration stream. */
export const migrationLayouts: ReadonlySet<number> = new Set([
  frameTypes.STREAM_HEADER,
  frameTypes.REGION_TABLE,
  frameTypes.GUEST_STATE,
  frameTypes.PAGES,
  frameTypes.END,
  frameTypes.HELLO,
  frameTypes.ABORT,
  ...Object.values(migrationTypes),
]);

const sourceControls: ReadonlySet<number> = new Set([
  migrationTypes.HAND_OVER,
  migrationTypes.RESUME_BITMAP,
  frameTypes.ABORT,
]);
const destinationControls: ReadonlySet<number> = new Set([...sourceControls, migrationTypes.PAGE_REQUEST]);

/** `hello` → (`lane` →) `header` → `regions` → `pages` ⇄ `state` → `ended`. */
type Place = 'hello' | 'lane' | 'header' | 'regions' | 'pages' | 'state' | 'ended';

/** Order and sequence of the frames of one connection of a migration, in one direction. */
export class MigrationOrder {
  readonly #from: MigrationFrom;
  readonly #admission: FrameAdmission;
  #place: Place = 'hello';
  #hasState = false;
  #isAborted = false;

  constructor(from: MigrationFrom, maxSkippedFrames: number) {
    this.#from = from;
    this.#admission = new FrameAdmission(maxSkippedFrames);
  }

  /** Not one byte may follow. */
  get closed(): boolean {
    return this.#isAborted;
  }

  /** Checks a header against what came before. */
  admit(header: FrameHeader): void {
    const isAllowed = isControlType(header.type) ? this.#allowsControl(header) : this.#allowsImage(header);
    this.#admission.admit(header, isAllowed);
  }

  /** Goes on behind a frame whose payload was accepted. */
  accept(frame: MigrationFrame): void {
    switch (frame.type) {
      case 'hello':
        this.#place = this.#from === 'source' ? 'header' : this.#from === 'source-lane' ? 'lane' : 'pages';
        return;
      case 'lane':
        this.#place = 'pages';
        return;
      case 'header':
        this.#place = 'regions';
        return;
      case 'regions':
        this.#place = 'pages';
        return;
      case 'state':
        this.#hasState = true;
        this.#place = frame.last ? 'pages' : 'state';
        return;
      case 'end':
        this.#place = 'ended';
        return;
      case 'abort':
        this.#isAborted = true;
        return;
      case 'pages':
      case 'round':
      case 'hand-over':
      case 'page-request':
      case 'resume-bitmap':
      case 'skipped':
        return;
    }
  }

  #allowsControl({ type, known }: FrameHeader): boolean {
    if (type === frameTypes.HELLO) return this.#place === 'hello';
    if (this.#place === 'hello') return false;
    if (type === frameTypes.ABORT || !known) return true;
    if (type === migrationTypes.LANE) return this.#place === 'lane';
    if (this.#place === 'lane' || this.#place === 'header' || this.#place === 'regions') return false;
    return (this.#from === 'destination' ? destinationControls : sourceControls).has(type);
  }

  #allowsImage({ type, known }: FrameHeader): boolean {
    if (this.#from === 'destination' || this.#place === 'hello' || this.#place === 'lane') return false;
    if (!known) return this.#place !== 'header' && this.#place !== 'ended';
    switch (type) {
      case frameTypes.STREAM_HEADER:
        return this.#place === 'header';
      case frameTypes.REGION_TABLE:
        return this.#place === 'regions';
      case frameTypes.GUEST_STATE:
        if (this.#from !== 'source') return false;
        return this.#place === 'state' || (this.#place === 'pages' && !this.#hasState);
      default:
        return this.#place === 'pages';
    }
  }
}
