import type { Sink } from '@stillframe/snapshot';
import type { SealKey } from '@stillframe/sealed-file';
import { AtomicFile } from './atomic-file.ts';
import type { FileOps } from './file-ops.ts';

export interface FileSinkOptions {
  /**
   * Looks at the whole image under its temporary name, before it gets its final one; what this throws leaves nothing (I-7). `signal`
   * asks it to give up.
   */
  readonly check?: (temporaryPath: string, signal: AbortSignal) => Promise<void>;
  readonly ops?: FileOps | undefined;
  /** Seals the file. */
  readonly key?: SealKey | undefined;
  /** What it will take at most, when that is known. */
  readonly neededBytes?: number;
}

/** An image file as a sink: there when `end` has resolved, and not before. */
export async function openFileSink(path: string, options: FileSinkOptions = {}): Promise<Sink> {
  const { check } = options;
  const file = await AtomicFile.create(path, options);
  file.neededBytes = options.neededBytes;
  const giveUp = new AbortController();
  let pending: Promise<void> = Promise.resolve();
  const step = (work: () => Promise<void>): Promise<void> => {
    if (giveUp.signal.aborted) return Promise.reject(new Error('the sink is aborted'));
    const done = work();
    pending = done.catch(() => undefined);
    return done;
  };
  return {
    write: (iovecs) => step(() => file.append(iovecs)),
    end: () =>
      step(async () => {
        await file.complete();
        await check?.(file.temporaryPath, giveUp.signal);
        giveUp.signal.throwIfAborted();
        await file.commit();
      }),
    async abort(reason) {
      giveUp.abort(reason);
      await pending;
      await file.discard();
    },
  };
}
