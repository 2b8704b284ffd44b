/** What a source has on record. Nothing on record is `owner`. */
export type SourceRecord = 'owner' | 'relinquished';

/** What a destination has on record; `none` before it is prepared. */
export type DestinationRecord = 'none' | 'prepared' | 'owner' | 'dropped';

/**
 * Where the two sides of one migration note who they are, so that a side which ends and begins again can tell. `write` resolves when the word is
 * durable; when it rejects, it may be there or not.
 */
export interface HandOverRecord<Word extends SourceRecord | DestinationRecord> {
  write(word: Word): Promise<void>;
}

/** For guests that end with their process: nothing is left to decide about. */
export const noRecord: HandOverRecord<SourceRecord | DestinationRecord> = { write: () => Promise.resolve() };

/**
 * Who owns the guest, by what both sides have on record; nothing of the migration may be running when it is asked.
 *
 * - `source`: the destination drops what it has; the source may run.
 * - `destination`: the source has given up, or will: it never runs again; the destination may run.
 * - `unknown`: the source gave up and the destination has no record: only a person can know that what the destination had is gone.
 */
export function reconcileRecords(
  source: SourceRecord,
  destination: DestinationRecord,
): 'source' | 'destination' | 'unknown' {
  if (destination === 'owner') return 'destination';
  if (source === 'owner' || destination === 'dropped') return 'source';
  return destination === 'prepared' ? 'destination' : 'unknown';
}
