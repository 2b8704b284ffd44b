import type {
  ArrivalRun,
  ArrivalSummary,
  Estimates,
  MigrationRun,
  MigrationSummary,
  RoundEvent,
  SourceProgress,
} from '@stillframe/migration';
import type { CliContext } from '../cli.ts';
import { createProgress, type Look } from '../report/progress.ts';
import type { Report } from '../report/report.ts';
import { showBytes, showCount, showMs } from '../report/units.ts';
import { NeedsBothSides } from './needs-both-sides.ts';

interface Watching {
  readonly context: CliContext;
  readonly report: Report;
}

/** Shows a guest leaving, to the end. Throws what the migration fails with. */
export async function watchMigration(
  run: MigrationRun,
  { context, report }: Watching,
): Promise<MigrationSummary> {
  const progress = createProgress(context, 'migrate', report.isJson);
  using both = new NeedsBothSides(context.signal, report);
  try {
    for await (const event of run) {
      report.event(event);
      if (event.type === 'phase') both.see(event.phase === 'serve');
      if (event.type === 'round') report.talk(roundText(event));
      if (event.type === 'brake') {
        report.talk(`its writers are slowed for at most ${Math.round(event.share * 100)} % of their time`);
      }
      if (event.type !== 'progress') continue;
      progress.show(lookOf(event.progress));
    }
  } finally {
    progress.end();
  }
  return await run.result;
}

/** Shows a guest arriving, until it runs here and is complete. */
export async function watchArrival(run: ArrivalRun, { context, report }: Watching): Promise<ArrivalSummary> {
  const progress = createProgress(context, 'arrive', report.isJson);
  using both = new NeedsBothSides(context.signal, report);
  try {
    for await (const event of run) {
      report.event(event);
      if (event.type === 'phase') both.see(event.phase === 'fetch');
      if (event.type !== 'progress') continue;
      const { pages, missingPages, receivedBytes, elapsedMs, round } = event.progress;
      progress.show({
        pages,
        donePages: pages - missingPages,
        bytes: receivedBytes,
        elapsedMs,
        limiter: `round ${round}`,
      });
    }
  } finally {
    progress.end();
  }
  return await run.result;
}

/** Of the round that goes on; after a post-copy hand-over, of the pages that follow. */
function lookOf(progress: SourceProgress): Look {
  const { phase, roundPages, roundSentPages, sentBytes, elapsedMs, round, estimates } = progress;
  if (phase === 'serve') {
    const { pages, remainingPages, requestedPages } = progress;
    const limiter = `post-copy, ${showCount(requestedPages)} pages asked for`;
    return { pages, donePages: pages - remainingPages, bytes: sentBytes, elapsedMs, limiter };
  }
  const limiter = [`round ${round}`, ...estimateWords(estimates)].join(', ');
  return { pages: roundPages, donePages: roundSentPages, bytes: sentBytes, elapsedMs, limiter };
}

function roundText({ round, estimates, decision }: RoundEvent): string {
  const { pages, durationMs } = round;
  const words = [
    `round ${round.round}: ${showCount(pages)} pages in ${showMs(durationMs)}`,
    ...estimateWords(estimates),
  ];
  return `${words.join(', ')}: ${decision.action}, ${decision.reason}`;
}

function estimateWords({ dirtyBytesPerSecond, expectedDowntimeMs, etaMs }: Estimates): string[] {
  return [
    ...(dirtyBytesPerSecond === null ? [] : [`${showBytes(dirtyBytesPerSecond)}/s dirty`]),
    ...(expectedDowntimeMs === null ? [] : [`downtime now ${showMs(expectedDowntimeMs)}`]),
    ...(etaMs === null ? [] : [`ETA ${showMs(etaMs)}`]),
  ];
}
