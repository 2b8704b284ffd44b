/* oxlint-disable typescript/consistent-return -- the switches are exhaustive, which the compiler checks */
import {
  type DestinationEffect,
  type DestinationEvent,
  type DestinationState,
  destinationStart,
  stepDestination,
} from '../src/hand-over/destination-machine.ts';
import type { DestinationRecord, SourceRecord } from '../src/hand-over/record.ts';
import {
  type SourceEffect,
  type SourceEvent,
  type SourceState,
  sourceStart,
  stepSource,
} from '../src/hand-over/source-machine.ts';

type ToDestination = 'offer' | 'commit' | 'withdrawn';
type ToSource = 'prepared' | 'started' | 'returned' | 'complete' | 'refused';

/** Both machines, the records, what runs, and the link between them. */
export interface World {
  readonly lazy: boolean;
  readonly source: SourceState;
  readonly destination: DestinationState;
  readonly sourceRuns: boolean;
  readonly destinationRuns: boolean;
  readonly sourceRecord: SourceRecord;
  readonly destinationRecord: DestinationRecord;
  /** Work that has begun and not ended. */
  readonly sourceWrites: SourceRecord | undefined;
  readonly destinationWrites: DestinationRecord | undefined;
  readonly isPreparing: boolean;
  readonly isStarting: boolean;
  readonly isReleased: boolean;
  readonly toDestination: readonly ToDestination[];
  readonly toSource: readonly ToSource[];
  readonly link: 'up' | 'cut';
  readonly sourceKnows: boolean;
  readonly destinationKnows: boolean;
}

export function firstWorld(lazy: boolean): World {
  return {
    lazy,
    source: sourceStart,
    destination: destinationStart,
    sourceRuns: true,
    destinationRuns: false,
    sourceRecord: 'owner',
    destinationRecord: 'none',
    sourceWrites: undefined,
    destinationWrites: undefined,
    isPreparing: false,
    isStarting: false,
    isReleased: false,
    toDestination: [],
    toSource: [],
    link: 'up',
    sourceKnows: false,
    destinationKnows: false,
  };
}

export interface Move {
  readonly what: string;
  /** Nothing that goes wrong is in it: such moves alone must lead to one owner. */
  readonly isFair: boolean;
  readonly world: World;
}

/** Everything that can happen next. */
export function moves(world: World): Move[] {
  const fair = (what: string, next: World) => result.push({ what, isFair: true, world: next });
  const bad = (what: string, next: World) => result.push({ what, isFair: false, world: next });
  const result: Move[] = [];
  const { source, destination, lazy } = world;

  if (source.name === 'moving')
    fair('sent', onSource({ ...world, sourceRuns: false }, { type: 'sent', lazy }));
  if (world.toDestination.length > 0) fair('deliver to destination', deliverToDestination(world));
  if (world.toSource.length > 0) fair('deliver to source', deliverToSource(world));
  if (world.sourceWrites !== undefined) {
    const done = { ...world, sourceWrites: undefined };
    const written = { ...done, sourceRecord: world.sourceWrites };
    fair('source recorded', onSource(written, { type: 'recorded' }));
    bad('source record failed, but is there', onSource(written, { type: 'record-failed' }));
    bad('source record failed', onSource(done, { type: 'record-failed' }));
  }
  if (world.destinationWrites !== undefined) {
    const done = { ...world, destinationWrites: undefined };
    const written = { ...done, destinationRecord: world.destinationWrites };
    fair('destination recorded', onDestination(written, { type: 'recorded' }));
    bad('destination record failed, but is there', onDestination(written, { type: 'record-failed' }));
    bad('destination record failed', onDestination(done, { type: 'record-failed' }));
  }
  if (world.isPreparing) {
    const done = { ...world, isPreparing: false };
    fair('prepared', onDestination({ ...done, destinationRecord: 'prepared' }, { type: 'ready' }));
    bad('could not prepare', onDestination(done, { type: 'failed' }));
  }
  if (world.isStarting) {
    const done = { ...world, isStarting: false };
    fair('started', onDestination({ ...done, destinationRuns: true }, { type: 'started' }));
    bad('could not start', onDestination(done, { type: 'start-failed' }));
  }
  if (destination.name === 'fetching') fair('all pages came', onDestination(world, { type: 'complete' }));
  bad('source cancels', onSource(world, { type: 'cancelled' }));
  bad('source fails', onSource(world, { type: 'failed' }));
  bad('destination cancels', onDestination(world, { type: 'cancelled' }));
  if (world.link === 'up') {
    bad('cut', {
      ...world,
      link: 'cut',
      toSource: [],
      toDestination: [],
      sourceKnows: false,
      destinationKnows: false,
    });
  } else {
    if (!world.sourceKnows)
      fair('source notices', onSource({ ...world, sourceKnows: true }, { type: 'lost' }));
    if (!world.destinationKnows) {
      fair('destination notices', onDestination({ ...world, destinationKnows: true }, { type: 'lost' }));
    }
    if (world.sourceKnows && world.destinationKnows) fair('reconnect', reconnect(world));
  }
  return result;
}

/** Each side hears of it by itself; messages of the other may come first. */
function reconnect(world: World): World {
  const up: World = { ...world, link: 'up', sourceKnows: false, destinationKnows: false };
  return onDestination(onSource(up, { type: 'reconnected' }), { type: 'reconnected' });
}

function deliverToDestination(world: World): World {
  const [word, ...toDestination] = world.toDestination;
  const next = { ...world, toDestination };
  if (word === 'offer') return onDestination(next, { type: 'offer', lazy: world.lazy });
  return onDestination(next, { type: word! });
}

function deliverToSource(world: World): World {
  const [word, ...toSource] = world.toSource;
  return onSource({ ...world, toSource }, { type: word! });
}

function onSource(world: World, event: SourceEvent): World {
  const { state, effects } = stepSource(world.source, event);
  return effects.reduce(doSource, { ...world, source: state });
}

function onDestination(world: World, event: DestinationEvent): World {
  const { state, effects } = stepDestination(world.destination, event);
  return effects.reduce(doDestination, { ...world, destination: state });
}

function doSource(world: World, effect: SourceEffect): World {
  switch (effect) {
    case 'send-offer':
      return sent(world, 'offer');
    case 'send-commit':
      return sent(world, 'commit');
    case 'send-withdrawn':
      return sent(world, 'withdrawn');
    case 'record-relinquished':
      return { ...world, sourceWrites: 'relinquished' };
    case 'record-kept':
      return { ...world, sourceWrites: 'owner' };
    case 'resume':
      return { ...world, sourceRuns: true };
    case 'release':
      return { ...world, isReleased: true };
    case 'hang-up':
      return { ...world, link: 'cut', toSource: [], toDestination: [], sourceKnows: true };
  }
}

function doDestination(world: World, effect: DestinationEffect): World {
  switch (effect) {
    case 'prepare':
      return { ...world, isPreparing: true };
    case 'send-prepared':
      return answered(world, 'prepared');
    case 'send-started':
      return answered(world, 'started');
    case 'send-returned':
      return answered(world, 'returned');
    case 'send-complete':
      return answered(world, 'complete');
    case 'send-refusal':
      return answered(world, 'refused');
    case 'record-owner':
      return { ...world, destinationWrites: 'owner' };
    case 'record-dropped':
      return { ...world, destinationWrites: 'dropped' };
    case 'start':
      return { ...world, isStarting: true };
    case 'pause':
      return { ...world, destinationRuns: false };
    case 'resume':
      return { ...world, destinationRuns: true };
    case 'discard':
      return { ...world, isPreparing: false };
    case 'hang-up':
      return { ...world, link: 'cut', toSource: [], toDestination: [], destinationKnows: true };
  }
}

/** What is sent on a broken link is gone. */
function sent(world: World, word: ToDestination): World {
  return world.link === 'up' ? { ...world, toDestination: [...world.toDestination, word] } : world;
}

function answered(world: World, word: ToSource): World {
  return world.link === 'up' ? { ...world, toSource: [...world.toSource, word] } : world;
}
