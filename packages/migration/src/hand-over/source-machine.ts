/* oxlint-disable typescript/consistent-return -- the switches are exhaustive, which the compiler checks */
/**
 * The source's side of a hand-over, without I/O.
 *
 * Why it is safe (I-5): the source sends COMMIT only from `relinquishing`, after its own record says that it has given up; from then on it lets
 * its guest run again only when the destination has promised, on record, never to start it (`returned`), and after having put on record that it
 * is the owner again. In `indeterminate` nobody can know whether COMMIT arrived: the guest stays paused and complete.
 *
 * | state | guest here | means |
 * |---|---|---|
 * | `moving` | runs, or stands still for the last pages | pages are being sent |
 * | `offered` | paused | everything that is needed was sent; the destination checks it |
 * | `relinquishing` | paused | PREPARED came; giving up is being put on record. `doomed`: it will be taken back |
 * | `committed` | paused | COMMIT is on its way |
 * | `indeterminate` | paused | the link broke after COMMIT: the destination may run or not |
 * | `retaking` | paused | being the owner again is being put on record |
 * | `serving` | given up | post-copy: the destination runs, and fetches pages |
 * | `split` | given up | post-copy: the link broke; some pages are only here |
 * | `released` | gone | the destination has everything |
 * | `kept` | runs | the migration did not happen |
 */
export type SourceState =
  | { readonly name: 'moving' }
  | { readonly name: 'offered'; readonly lazy: boolean }
  | { readonly name: 'relinquishing'; readonly lazy: boolean; readonly doomed: boolean }
  | { readonly name: 'committed'; readonly lazy: boolean }
  /** `onRecord`: that this side has given up is on record for sure. */
  | { readonly name: 'indeterminate'; readonly lazy: boolean; readonly onRecord: boolean }
  | { readonly name: 'retaking'; readonly lazy: boolean }
  | { readonly name: 'serving' }
  | { readonly name: 'split' }
  | { readonly name: 'released' }
  | { readonly name: 'kept' };

export type SourceEvent =
  /** The guest is paused, and all that the destination needs has been sent. `lazy`: pages follow the hand-over. */
  | { readonly type: 'sent'; readonly lazy: boolean }
  /** Words of the destination. */
  | { readonly type: 'prepared' | 'started' | 'returned' | 'complete' }
  /** The destination said no, or broke the protocol; `failed`: something here did; `cancelled`: the caller does not want any more. */
  | { readonly type: 'refused' | 'failed' | 'cancelled' }
  /** What was to be put on record is there, durably; or it may be there or not. */
  | { readonly type: 'recorded' | 'record-failed' }
  | { readonly type: 'lost' | 'reconnected' };

/** In the order in which they are to be done. */
export type SourceEffect =
  | 'send-offer'
  | 'send-commit'
  | 'send-withdrawn'
  | 'record-relinquished'
  | 'record-kept'
  /** Let the guest run here. */
  | 'resume'
  /** Give everything up: the destination has it. */
  | 'release'
  /** Drop the connection: what is said on it can not be believed, or not be answered. It counts as lost from now on, without an event. */
  | 'hang-up';

export interface SourceStep {
  readonly state: SourceState;
  readonly effects: readonly SourceEffect[];
}

export const sourceStart: SourceState = { name: 'moving' };

const KEPT: SourceStep = { state: { name: 'kept' }, effects: ['send-withdrawn', 'resume'] };
const RELEASED: SourceStep = { state: { name: 'released' }, effects: ['release'] };

/** What to do about an event. Events that say nothing new leave everything as it is. */
export function stepSource(state: SourceState, event: SourceEvent): SourceStep {
  const stay: SourceStep = { state, effects: [] };
  switch (state.name) {
    case 'moving':
      if (event.type === 'sent') {
        return { state: { name: 'offered', lazy: event.lazy }, effects: ['send-offer'] };
      }
      // A destination that is ahead of the protocol cannot be believed.
      return event.type === 'recorded' || event.type === 'reconnected' ? stay : KEPT;
    case 'offered':
      if (event.type === 'prepared') {
        return {
          state: { name: 'relinquishing', lazy: state.lazy, doomed: false },
          effects: ['record-relinquished'],
        };
      }
      return event.type === 'recorded' || event.type === 'reconnected' ? stay : KEPT;
    case 'relinquishing':
      return relinquish(state, event);
    case 'committed':
      return committed(state, event);
    case 'indeterminate':
      if (event.type !== 'reconnected') return stay;
      return state.onRecord
        ? { state: { name: 'committed', lazy: state.lazy }, effects: ['send-commit'] }
        : {
            state: { name: 'relinquishing', lazy: state.lazy, doomed: false },
            effects: ['record-relinquished'],
          };
    case 'retaking':
      if (event.type === 'recorded') return KEPT;
      // On record there may be either: whoever reads it later must not find a guest that runs.
      return event.type === 'record-failed'
        ? { state: { name: 'indeterminate', lazy: state.lazy, onRecord: false }, effects: ['hang-up'] }
        : stay;
    case 'serving':
      if (event.type === 'complete') return RELEASED;
      if (event.type === 'lost') return { state: { name: 'split' }, effects: [] };
      return event.type === 'refused' || event.type === 'failed'
        ? { state: { name: 'split' }, effects: ['hang-up'] }
        : stay;
    case 'split':
      return event.type === 'reconnected' ? { state: { name: 'serving' }, effects: ['send-commit'] } : stay;
    case 'released':
    case 'kept':
      return stay;
  }
}

/** COMMIT has not been sent, so nobody else can be the owner: there is a way back until `recorded`. */
function relinquish(state: SourceState & { name: 'relinquishing' }, { type }: SourceEvent): SourceStep {
  const { lazy, doomed } = state;
  const back: SourceStep = { state: { name: 'retaking', lazy }, effects: ['record-kept'] };
  switch (type) {
    case 'recorded':
      return doomed ? back : { state: { name: 'committed', lazy }, effects: ['send-commit'] };
    case 'record-failed':
      return back;
    case 'lost':
    case 'refused':
    case 'failed':
    case 'cancelled':
    case 'returned':
      return { state: { ...state, doomed: true }, effects: [] };
    case 'sent':
    case 'prepared':
    case 'started':
    case 'complete':
    case 'reconnected':
      return { state, effects: [] };
  }
}

function committed(state: SourceState & { name: 'committed' }, { type }: SourceEvent): SourceStep {
  switch (type) {
    case 'started':
      return state.lazy ? { state: { name: 'serving' }, effects: [] } : RELEASED;
    case 'returned':
      return { state: { name: 'retaking', lazy: state.lazy }, effects: ['record-kept'] };
    case 'complete':
      return RELEASED;
    // A destination that breaks the protocol now may run all the same.
    case 'lost':
      return { state: { name: 'indeterminate', lazy: state.lazy, onRecord: true }, effects: [] };
    case 'refused':
    case 'failed':
      return { state: { name: 'indeterminate', lazy: state.lazy, onRecord: true }, effects: ['hang-up'] };
    case 'sent':
    case 'prepared':
    case 'cancelled':
    case 'recorded':
    case 'record-failed':
    case 'reconnected':
      return { state, effects: [] };
  }
}
