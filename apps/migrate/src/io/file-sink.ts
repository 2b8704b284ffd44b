import type { Sink } from '@stillframe/snapshot';
import { AtomicFile, type FileOps } from './atomic-file.ts';

/** An image file as a sink: there when `end` has resolved, and not before. */
export async function openFileSink(path: string, ops?: FileOps): Promise<Sink> {
  const file = await AtomicFile.create(path, ops);
  let pending: Promise<void> = Promise.resolve();
  let isAborted = false;
  const step = (work: () => Promise<void>): Promise<void> => {
    if (isAborted) return Promise.reject(new Error('the sink is aborted'));
    const done = work();
    pending = done.catch(() => undefined);
    return done;
  };
  return {
    write: (iovecs) => step(() => file.append(iovecs)),
    end: () => step(() => file.commit()),
    async abort() {
      isAborted = true;
      await pending;
      await file.discard();
    },
  };
}
