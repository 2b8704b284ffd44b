import { describe, expect, test } from 'vitest';
import { trackMemory } from '../src/tracking/index.ts';

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
