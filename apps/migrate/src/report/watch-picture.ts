import type { SnapshotProgress, SnapshotRun } from '@stillframe/snapshot';
import type { CliContext } from '../cli.ts';
import { createProgress, type Look } from './progress.ts';
import type { Report } from './report.ts';

export interface WatchOptions {
  readonly context: CliContext;
  readonly report: Report;
  /** The last page has gone out: from now on it is no time of the snapshot for the guest. */
  readonly onDisarmed?: () => void;
}

/** Shows a snapshot to the end of its events. What it fails with, `run.result` throws. */
export async function watchPicture(
  run: SnapshotRun,
  { context, report, onDisarmed }: WatchOptions,
): Promise<void> {
  const progress = createProgress(context, 'picture', report.isJson);
  try {
    for await (const event of run) {
      if (event.type === 'phase' && event.phase === 'end') onDisarmed?.();
      report.event(event);
      if (event.type === 'progress') progress.show(lookOf(event.progress));
    }
  } finally {
    progress.end();
  }
}

/** What a progress bar shows of a snapshot. */
export function lookOf(progress: SnapshotProgress): Look {
  return {
    pages: progress.pages,
    donePages: progress.takenPages,
    bytes: progress.takenBytes,
    ...(progress.packing.compression === 'none' ? {} : { ratio: progress.packing.ratio }),
    elapsedMs: progress.elapsedMs,
    faults: progress.faults,
    stallP99Us: progress.stallUs.p99,
    limiter: `${progress.limiter.name}${progress.limiter.reason === '' ? '' : `: ${progress.limiter.reason}`}`,
  };
}
