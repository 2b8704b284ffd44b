import { monotonicClock } from '@stillframe/snapshot';
import { guestCompliance } from '@stillframe/snapshot/compliance';
import { describe } from 'vitest';
import { memoryGuest } from '../src/memory.ts';
import { runCases } from './run-cases.ts';
import { Writers } from './writers.ts';

const PAGE = 4096;
/** The smallest that the compliance suite takes: a blocked writer is a thread. */
const UNTOUCHED_PAGE = 31;
const REGION_BYTES = 32 * PAGE;

/** Growable, because only then does the runtime give whole pages of its own; the types of ES2023 do not know it. */
function sharedMemory(): SharedArrayBuffer {
  return Reflect.construct(SharedArrayBuffer, [REGION_BYTES, { maxByteLength: REGION_BYTES }]);
}

describe('a guest of shared memory complies', () => {
  const cases = guestCompliance({
    notesChanges: true,
    makeGuest: async () => {
      const memories = [sharedMemory(), sharedMemory()];
      // Holes are not charged to a grant, so the cases about grants need pages that are there.
      for (const memory of memories) new Uint8Array(memory, 0, UNTOUCHED_PAGE * PAGE).fill(0);
      const writers = new Writers();
      const guest = memoryGuest({
        regions: memories.map((memory, at) => ({ name: `memory-${at}`, memory })),
        pause: () => writers.pause(),
        resume: () => writers.resume(),
      });
      return {
        guest,
        clock: monotonicClock,
        untouched: { region: 1, page: UNTOUCHED_PAGE },
        write: (region, page, bytes) => writers.write(memories[region]!, page * PAGE, bytes),
        read: (region, page) => new Uint8Array(memories[region]!, page * PAGE, PAGE).slice(),
        [Symbol.asyncDispose]: async () => {
          await guest[Symbol.asyncDispose]();
          await writers[Symbol.asyncDispose]();
        },
      };
    },
  });
  runCases(cases);
});
