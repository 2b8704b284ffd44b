import type { DirtyRun } from '@stillframe/uffd';
import { describe, expect, test } from 'vitest';
import { trackMemory } from '../src/tracking/index.ts';
import { mergeRuns } from '../src/tracking/merge-runs.ts';

const PAGE = 4096;
const SIZE = 64 * PAGE;

/** Growable, because only then does the runtime give whole pages of its own; the types of ES2023 do not know it. */
function sharedMemory(): SharedArrayBuffer {
  return Reflect.construct(SharedArrayBuffer, [SIZE, { maxByteLength: SIZE }]);
}

describe('tracking memory of this process', () => {
  test.for([false, true])('tells what was written since it was asked; paused: %s', async (paused) => {
    const memories = [sharedMemory(), sharedMemory()] as const;
    const bytes = memories.map((memory) => new Uint8Array(memory).fill(1));
    const tracker = await trackMemory(
      memories.map((memory) => ({ memory })),
      { isPaused: () => paused },
    );
    try {
      bytes[1]![5 * PAGE] = 2;
      bytes[1]![6 * PAGE] = 2;
      expect(tracker.count()).toBe(2);
      expect(await tracker.collect()).toEqual([{ region: 1, firstPage: 5, pageCount: 2 }]);
      expect(await tracker.collect()).toEqual([]);
      bytes[0]![0] = 3;
      expect(await tracker.collect()).toEqual([{ region: 0, firstPage: 0, pageCount: 1 }]);
    } finally {
      await tracker.close();
      await tracker.close();
    }
    bytes[0]![0] = 4;
    await expect(tracker.collect()).rejects.toThrow(/closed/);
  });
});

describe('the brake of a tracker', () => {
  test('is for a guest at rest, and what was written before it is not forgotten', async () => {
    const memory = sharedMemory();
    const bytes = new Uint8Array(memory).fill(1);
    let isPaused = false;
    const tracker = await trackMemory([{ memory }], { kind: 'async', isPaused: () => isPaused });
    try {
      bytes[3 * PAGE] = 2;
      bytes[4 * PAGE] = 2;
      await expect(tracker.slow({ delayUs: 10, maxShare: 0.5 })).rejects.toThrow(/not paused/);
      expect(tracker.kind).toBe('async');
      isPaused = true;
      await tracker.slow({ delayUs: 10, maxShare: 0.5 });
      expect(tracker.kind).toBe('sync');
      isPaused = false;
      bytes[4 * PAGE] = 3;
      bytes[9 * PAGE] = 3;
      expect(tracker.count()).toBe(4);
      expect(await tracker.collect()).toEqual([
        { region: 0, firstPage: 3, pageCount: 2 },
        { region: 0, firstPage: 9, pageCount: 1 },
      ]);
      expect(await tracker.collect()).toEqual([]);
      await tracker.slow({ delayUs: 0, maxShare: 0 });
    } finally {
      await tracker.close();
    }
  });
});

function runs(triples: readonly (readonly number[])[]): DirtyRun[] {
  return triples.map(([region, firstPage, pageCount]) => ({
    region: region!,
    firstPage: firstPage!,
    pageCount: pageCount!,
  }));
}

describe('merging runs', () => {
  test.for([
    [[], [[0, 1, 2]], [[0, 1, 2]]],
    [[[0, 5, 2]], [[0, 1, 4]], [[0, 1, 6]]],
    [
      [[0, 1, 2]],
      [[1, 1, 2]],
      [
        [0, 1, 2],
        [1, 1, 2],
      ],
    ],
    [
      [[0, 1, 9]],
      [
        [0, 2, 3],
        [0, 12, 1],
      ],
      [
        [0, 1, 9],
        [0, 12, 1],
      ],
    ],
  ])('%j and %j are %j', ([some, others, both]) => {
    expect(mergeRuns(runs(some!), runs(others!))).toEqual(runs(both!));
    expect(mergeRuns(runs(others!), runs(some!))).toEqual(runs(both!));
  });
});
