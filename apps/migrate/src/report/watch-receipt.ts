import type { ReceiveRun, ReceiveSummary } from '@stillframe/snapshot';
import type { CliContext } from '../cli.ts';
import { createProgress } from './progress.ts';
import type { Report } from './report.ts';

/** Shows an image that is being received, from a peer or a file, to its end. Throws what the run fails with. */
export async function watchReceipt<Summary extends ReceiveSummary>(
  run: ReceiveRun<Summary>,
  label: string,
  { context, report }: { readonly context: CliContext; readonly report: Report },
): Promise<Summary> {
  const progress = createProgress(context, label, report.isJson);
  try {
    for await (const event of run) {
      report.event(event);
      if (event.type !== 'progress') continue;
      const { pages, receivedPages, bytes, elapsedMs } = event.progress;
      progress.show({ pages, donePages: receivedPages, bytes, elapsedMs });
    }
  } finally {
    progress.end();
  }
  return run.result;
}
