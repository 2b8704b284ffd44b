/* oxlint-disable typescript/consistent-return -- the switches are exhaustive, which the compiler checks */
/**
 * The destination's side of a hand-over, without I/O.
 *
 * Why it is safe (I-5): the guest is started only from `owning`, after COMMIT, which a source sends only when it has given up on record; and
 * after it is on record here, so that a destination that ends and begins again does not start it from old memory. RETURNED is sent only after it is
 * on record that this side will never start it.
 *
 * | state | guest here | means |
 * |---|---|---|
 * | `receiving` | no | pages come |
 * | `preparing` | no | everything came; it is checked, the state is loaded, and being prepared is put on record |
 * | `prepared` | complete, paused | waiting for COMMIT |
 * | `undecided` | complete, paused | the link broke: the source may have given up or not |
 * | `owning` | complete, paused | COMMIT came; being the owner is being put on record |
 * | `starting` | starts | |
 * | `fetching` | runs | post-copy: pages are still to come |
 * | `stalled` | paused | post-copy: the link broke, pages are missing |
 * | `running` | runs, complete | |
 * | `renouncing` | complete, paused | never starting it is being put on record |
 * | `dropped` | no | |
 */
export type DestinationState =
  | { readonly name: 'receiving' | 'running' | 'dropped' | 'fetching' | 'stalled' }
  | {
      readonly name: 'preparing' | 'prepared' | 'undecided' | 'owning' | 'starting' | 'renouncing';
      readonly lazy: boolean;
    };

export type DestinationEvent =
  /** Words of the source. */
  | { readonly type: 'offer'; readonly lazy: boolean }
  | { readonly type: 'commit' | 'withdrawn' }
  /** Preparing is done, or something is wrong with what came. */
  | { readonly type: 'ready' | 'failed' }
  | { readonly type: 'recorded' | 'record-failed' }
  /** The guest runs, or did not start. */
  | { readonly type: 'started' | 'start-failed' }
  /** Post-copy: every page came, and the digest is right. */
  | { readonly type: 'complete' }
  | { readonly type: 'cancelled' | 'lost' | 'reconnected' };

/** In the order in which they are to be done. */
export type DestinationEffect =
  | 'prepare'
  | 'send-prepared'
  | 'send-started'
  | 'send-returned'
  | 'send-complete'
  | 'send-refusal'
  | 'record-owner'
  | 'record-dropped'
  | 'start'
  /** Post-copy: bring the guest to rest until the pages can be had again. */
  | 'pause'
  | 'resume'
  | 'discard'
  /** Drop the connection, so that the source asks again. It counts as lost from now on, without an event. */
  | 'hang-up';

export interface DestinationStep {
  readonly state: DestinationState;
  readonly effects: readonly DestinationEffect[];
}

export const destinationStart: DestinationState = { name: 'receiving' };

const DROPPED: DestinationStep = { state: { name: 'dropped' }, effects: ['discard'] };
const REFUSED: DestinationStep = { state: { name: 'dropped' }, effects: ['send-refusal', 'discard'] };

/** What to do about an event. Events that say nothing new leave everything as it is. */
export function stepDestination(state: DestinationState, event: DestinationEvent): DestinationStep {
  const stay: DestinationStep = { state, effects: [] };
  const { type } = event;
  switch (state.name) {
    case 'receiving':
      if (type === 'offer') return { state: { name: 'preparing', lazy: event.lazy }, effects: ['prepare'] };
      if (type === 'lost' || type === 'withdrawn') return DROPPED;
      return type === 'failed' || type === 'cancelled' || type === 'commit' ? REFUSED : stay;
    case 'preparing':
      if (type === 'ready')
        return { state: { name: 'prepared', lazy: state.lazy }, effects: ['send-prepared'] };
      if (type === 'lost' || type === 'withdrawn') return DROPPED;
      return type === 'failed' || type === 'cancelled' || type === 'commit' ? REFUSED : stay;
    case 'prepared':
    case 'undecided':
      return waiting(state.lazy, state, event);
    case 'owning':
      if (type === 'recorded') return { state: { name: 'starting', lazy: state.lazy }, effects: ['start'] };
      return type === 'record-failed' ? renounce(state.lazy) : stay;
    case 'starting':
      if (type === 'started') {
        return { state: { name: state.lazy ? 'fetching' : 'running' }, effects: ['send-started'] };
      }
      return type === 'start-failed' ? renounce(state.lazy) : stay;
    case 'fetching':
      if (type === 'complete') return { state: { name: 'running' }, effects: ['send-complete'] };
      if (type === 'lost') return { state: { name: 'stalled' }, effects: ['pause'] };
      return type === 'commit' ? { state, effects: ['send-started'] } : stay;
    case 'stalled':
      if (type === 'complete') return { state: { name: 'running' }, effects: ['resume', 'send-complete'] };
      return type === 'reconnected'
        ? { state: { name: 'fetching' }, effects: ['resume', 'send-started'] }
        : stay;
    case 'running':
      return type === 'commit' || type === 'reconnected'
        ? { state, effects: ['send-started', 'send-complete'] }
        : stay;
    case 'renouncing':
      if (type === 'recorded') {
        return { state: { name: 'dropped' }, effects: ['send-returned', 'discard'] };
      }
      // On record there may be either: so it is neither started nor dropped.
      return type === 'record-failed'
        ? { state: { name: 'undecided', lazy: state.lazy }, effects: ['hang-up'] }
        : stay;
    case 'dropped':
      return type === 'commit' || type === 'reconnected' ? { state, effects: ['send-returned'] } : stay;
  }
}

function waiting(lazy: boolean, state: DestinationState, { type }: DestinationEvent): DestinationStep {
  switch (type) {
    case 'commit':
      return { state: { name: 'owning', lazy }, effects: ['record-owner'] };
    case 'withdrawn':
      return DROPPED;
    case 'lost':
      return { state: { name: 'undecided', lazy }, effects: [] };
    case 'reconnected':
      return { state: { name: 'prepared', lazy }, effects: ['send-prepared'] };
    case 'cancelled':
    case 'failed':
      return renounce(lazy);
    case 'offer':
    case 'ready':
    case 'recorded':
    case 'record-failed':
    case 'started':
    case 'start-failed':
    case 'complete':
      return { state, effects: [] };
  }
}

function renounce(lazy: boolean): DestinationStep {
  return { state: { name: 'renouncing', lazy }, effects: ['record-dropped'] };
}
