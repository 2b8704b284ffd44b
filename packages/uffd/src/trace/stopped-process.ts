import { readSync } from 'node:fs';
import native from '#native';
import type { Reply } from './protocol.ts';
import { decodeThreadStates, type ThreadState } from './thread-state.ts';

/** How a process stood. A picture: it stays valid when the process runs again. */
export interface StoppedProcess {
  /** Empty when `registers` was false. Parsed when first looked at, so not at the cost of the stop. */
  readonly threads: readonly ThreadState[];
  readonly threadCount: number;
  /** CLOCK_MONOTONIC nanoseconds, right before the first thread was interrupted. */
  readonly interruptedNs: number;
  /** CLOCK_MONOTONIC nanoseconds, when the last thread stood still. */
  readonly stoppedNs: number;
}

/** @param memfd With the threads' states; ours from now on. null when they were not asked for. */
export function stoppedProcess(reply: Reply, memfd: number | null): StoppedProcess {
  const { threadCount, interruptedNs, stoppedNs, sharedPendingSignals, statesBytes } = reply;
  const file = memfd === null ? null : new native.OwnedFd(memfd);
  let threads: readonly ThreadState[] | undefined;
  return {
    threadCount,
    interruptedNs,
    stoppedNs,
    get threads() {
      threads ??=
        file === null ? [] : decodeThreadStates(readAndClose(file, statesBytes), sharedPendingSignals);
      return threads;
    },
  };
}

function readAndClose(file: { readonly fd: number; close(): number }, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  try {
    for (let done = 0, count = -1; done < sizeBytes && count !== 0; done += count) {
      count = readSync(file.fd, bytes, done, sizeBytes - done, done);
    }
  } finally {
    file.close();
  }
  return bytes;
}
