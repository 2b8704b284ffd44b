import { trackMemory } from '@stillframe/guests/tracking';
import type { MovingGuest } from '@stillframe/migration';
import type { Region } from '@stillframe/snapshot';
import { closeFd, FaultAnswerer } from '@stillframe/uffd';
import { GUEST_PAGE_BYTES } from '../workloads/guest-memory.ts';
import { movableKind, type RunningMovable } from './movable.ts';

/** A running guest as the source of a migration. It stays the caller's until `release`, which stops it. */
export function movableGuest(name: string, running: RunningMovable): MovingGuest {
  const memory = [...running.memory];
  const regions: readonly Region[] = memory.map(([regionName, view], id) => ({
    id,
    name: regionName,
    sizeBytes: view.byteLength,
    pageSize: GUEST_PAGE_BYTES,
  }));
  let isPaused = false;
  return {
    regions,
    async pause() {
      await running.pause();
      isPaused = true;
    },
    async resume() {
      isPaused = false;
      await running.resume();
    },
    saveState: async () => ({ kind: movableKind(name), bytes: await running.save() }),
    track: () =>
      trackMemory(
        memory.map(([, view]) => ({ memory: view })),
        { isPaused: () => isPaused },
      ),
    readPages(region, firstPage, into) {
      const start = firstPage * GUEST_PAGE_BYTES;
      into.set(memory[region]![1].subarray(start, start + into.byteLength));
    },
    answerFaults(fd, greeting) {
      try {
        return new FaultAnswerer({ fd, greeting, memory: memory.map(([, view]) => ({ memory: view })) });
      } catch {
        closeFd(fd);
        return undefined;
      }
    },
    release: () => running.stop('moved'),
  };
}
