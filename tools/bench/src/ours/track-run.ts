import { DirtyTracker, pagesIn, type TrackKind } from '@stillframe/uffd';
import type { Addon } from './addon.ts';
import { mapGuest } from './guest-memory.ts';

export interface TrackRequest {
  readonly bytes: number;
  /** Every how many pages one is written; 0: none. */
  readonly every: number;
  readonly tracking: TrackKind;
}

const PAGE_BYTES = 4096;

/** As many rounds as a short migration has; the last one counts. */
const ROUNDS = 5;

/** A round's collection, as its caller sees it: with an object for each run. */
export function runTrack(addon: Addon, { bytes, every, tracking }: TrackRequest): object {
  const memory = mapGuest(addon, bytes, 'base');
  using tracker = DirtyTracker.open([{ memory }], { kind: tracking });
  tracker.start();
  tracker.collect();
  const writes = new Uint8Array(memory.buffer);
  let last = {};
  for (let round = 0; round < ROUNDS; round++) {
    const writeNs = process.hrtime.bigint();
    if (every > 0) for (let at = 0; at < bytes; at += every * PAGE_BYTES) writes[at]! += 1;
    const startNs = process.hrtime.bigint();
    const runs = tracker.collect();
    const endNs = process.hrtime.bigint();
    last = { ns: Number(endNs - startNs), writeNs: Number(startNs - writeNs), pages: pagesIn(runs) };
  }
  return last;
}
