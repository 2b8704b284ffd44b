import { beforeAll, describe, expect, it } from 'vitest';
import { reconcileRecords } from '../src/hand-over/record.ts';
import { firstWorld, moves, type World } from './hand-over-model.ts';

interface Node {
  readonly world: World;
  readonly by: string;
  readonly from: Node | undefined;
  readonly fair: string[];
}

/** More than the model has; without a bound a mistake in it would never end. */
const WORLDS_MAX = 400_000;

/** Everything that can become of a migration. */
function explore(lazy: boolean): Map<string, Node> {
  const first = firstWorld(lazy);
  const known = new Map<string, Node>();
  const queue: Node[] = [];
  const reach = (world: World, by: string, from: Node | undefined): string => {
    const key = JSON.stringify(world);
    if (!known.has(key)) {
      const node: Node = { world, by, from, fair: [] };
      known.set(key, node);
      queue.push(node);
    }
    return key;
  };
  reach(first, 'start', undefined);
  for (let at = 0; at < queue.length && known.size < WORLDS_MAX; at++) {
    const node = queue[at]!;
    for (const { what, world, isFair } of moves(node.world)) {
      const key = reach(world, what, node);
      if (isFair) node.fair.push(key);
    }
  }
  return known;
}

function story(node: Node): string {
  const steps: string[] = [];
  for (let at: Node | undefined = node; at !== undefined; at = at.from) {
    steps.unshift(`${at.by}  [${at.world.source.name} | ${at.world.destination.name}]`);
  }
  return steps.join('\n');
}

/** The worlds for which `isWrong`, told as how one gets there; the shortest story first. */
function wrong(worlds: ReadonlyMap<string, Node>, isWrong: (world: World) => boolean): string[] {
  return [...worlds.values()]
    .filter(({ world }) => isWrong(world))
    .slice(0, 1)
    .map(story);
}

const runsTwice = (world: World) => world.sourceRuns && (world.destinationRuns || world.isStarting);

const startsUnrelinquished = (world: World) =>
  (world.destinationRuns || world.isStarting) && world.sourceRecord !== 'relinquished';

const startsUnrecorded = (world: World) =>
  (world.destinationRuns || world.isStarting) && world.destinationRecord !== 'owner';

const releasedEarly = (world: World) =>
  world.isReleased && (!world.destinationRuns || world.destination.name === 'fetching');

const decidedOtherwise = (world: World) => {
  const owner = reconcileRecords(world.sourceRecord, world.destinationRecord);
  if (world.sourceRuns && world.source.name === 'kept') return owner !== 'source';
  return world.destinationRuns && owner !== 'destination';
};

const isOwned = ({ sourceRuns, destinationRuns, source, destination }: World) =>
  (sourceRuns && source.name === 'kept') ||
  (destinationRuns && destination.name === 'running' && source.name === 'released');

describe.each([
  { mode: 'with every page there', lazy: false },
  { mode: 'with pages to come', lazy: true },
])('a hand-over $mode, whatever is lost, fails or is cancelled', ({ lazy }) => {
  let worlds: ReadonlyMap<string, Node>;
  beforeAll(() => {
    worlds = explore(lazy);
  });

  it('is explored completely', () => {
    expect(worlds.size).toBeLessThan(WORLDS_MAX);
    expect(worlds.size).toBeGreaterThan(300);
  });

  it('never has the guest running on both sides', () => {
    expect(wrong(worlds, runsTwice)).toEqual([]);
  });

  it('starts at the destination only after the source has given up on record', () => {
    expect(wrong(worlds, startsUnrelinquished)).toEqual([]);
  });

  it('starts at the destination only after that is on record there', () => {
    expect(wrong(worlds, startsUnrecorded)).toEqual([]);
  });

  it('lets the source go on wherever the destination has not acknowledged and nothing is indeterminate', () => {
    expect(wrong(worlds, ({ source, sourceRuns }) => source.name === 'kept' && !sourceRuns)).toEqual([]);
    const known = new Set(['moving', 'kept', 'released', 'indeterminate', 'split', 'serving', 'committed']);
    const waits = (world: World) =>
      !known.has(world.source.name) &&
      world.link === 'cut' &&
      world.sourceKnows &&
      world.sourceWrites === undefined;
    expect(wrong(worlds, waits)).toEqual([]);
  });

  it('gives the memory up at the source only when the destination runs and has all of it', () => {
    expect(wrong(worlds, releasedEarly)).toEqual([]);
  });

  it('is decided by the records as it was while it ran', () => {
    expect(wrong(worlds, decidedOtherwise)).toEqual([]);
  });

  it('comes to one owner from everywhere, when nothing more goes wrong', () => {
    const good = new Set<string>();
    const before = new Map<string, string[]>();
    for (const [key, { fair }] of worlds) {
      for (const next of fair) before.set(next, [...(before.get(next) ?? []), key]);
    }
    const queue = [...worlds].filter(([, { world }]) => isOwned(world)).map(([key]) => key);
    for (const key of queue) good.add(key);
    for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
      for (const earlier of before.get(key) ?? []) {
        if (good.has(earlier)) continue;
        good.add(earlier);
        queue.push(earlier);
      }
    }
    const lost = [...worlds].filter(([key]) => !good.has(key)).map(([, node]) => node);
    expect(lost.slice(0, 1).map(story)).toEqual([]);
  });
});
