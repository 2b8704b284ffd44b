import type { Feature } from '../abi.ts';
import { UffdError } from '../errors.ts';
import { type ScanSelfTest, scanSelfTest } from '../probe-pagemap.ts';
import { Userfaultfd } from '../userfaultfd.ts';
import { TrackError } from './track-error.ts';

/** Who notes a write: the kernel by itself, or a thread of ours that its writer waits for. */
export type TrackKind = 'async' | 'sync';

/** A native thread reads these, so that what the owner throws away or moves counts as written. */
const EVENTS: readonly Feature[] = ['EVENT_REMAP', 'EVENT_REMOVE', 'EVENT_UNMAP'];

/** What the handshake asks for; WP_UNPOPULATED is left out where memory is populated instead. */
export function trackFeatures(kind: TrackKind, options: { special: boolean; holes: boolean }): Feature[] {
  return [
    'PAGEFAULT_FLAG_WP',
    ...(kind === 'async' ? (['WP_ASYNC'] as const) : EVENTS),
    ...(options.special ? (['WP_HUGETLBFS_SHMEM'] as const) : []),
    ...(options.holes ? (['WP_UNPOPULATED'] as const) : []),
  ];
}

/** What asynchronous tracking has to make up for on this kernel. */
export interface AsyncTraits {
  /**
   * PAGEMAP_SCAN passes over parts that were thrown away so thoroughly that their page table is gone (before the fixes of July 2026): holes
   * are looked for in a second walk.
   */
  readonly holesAreWritten: boolean;
}

let known: AsyncTraits | TrackError | undefined;

/**
 * Tries it, once a process, on memory of our own.
 * @throws TrackError TRACK_UNSUPPORTED
 */
export function asyncTraits(): AsyncTraits {
  known ??= tryAsync();
  if (known instanceof TrackError) throw known;
  return known;
}

function tryAsync(): AsyncTraits | TrackError {
  let test: ScanSelfTest;
  try {
    const features = trackFeatures('async', { special: false, holes: true });
    using uffd = Userfaultfd.open({ userModeOnly: true, features });
    test = scanSelfTest(uffd);
  } catch (error) {
    if (!(error instanceof UffdError)) throw error;
    return unsupported(error.message, error);
  }
  const { writtenReported, cleanOmitted, rearmed, discardedPageReported, discardedRunReported } = test;
  if (!writtenReported || !cleanOmitted || !rearmed) {
    return unsupported(`PAGEMAP_SCAN does not do what it is documented to: ${JSON.stringify(test)}`);
  }
  return { holesAreWritten: !discardedPageReported || !discardedRunReported };
}

function unsupported(why: string, cause?: unknown): TrackError {
  return new TrackError(
    'TRACK_UNSUPPORTED',
    `writes cannot be tracked asynchronously here: ${why}`,
    'It needs Linux 6.7 or later; `kind: sync` works from 5.7 on',
    cause,
  );
}
