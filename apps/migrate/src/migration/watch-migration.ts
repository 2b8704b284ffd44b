import type {
  ArrivalRun,
  ArrivalSummary,
  Estimates,
  MigrationRun,
  MigrationSummary,
  RoundEvent,
} from '@stillframe/migration';
import type { CliContext } from '../cli.ts';
import { createProgress } from '../report/progress.ts';
import type { Report } from '../report/report.ts';
import { showBytes, showCount, showMs } from '../report/units.ts';

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
  try {
    for await (const event of run) {
      report.event(event);
      if (event.type === 'round') report.talk(roundText(event));
      if (event.type !== 'progress') continue;
      const { roundPages, roundSentPages, sentBytes, elapsedMs, round, estimates } = event.progress;
      const limiter = [`round ${round}`, ...estimateWords(estimates)].join(', ');
      progress.show({ pages: roundPages, donePages: roundSentPages, bytes: sentBytes, elapsedMs, limiter });
    }
  } finally {
    progress.end();
  }
  return await run.result;
}

/** Shows a guest arriving, until it runs here and is complete. */
export async function watchArrival(run: ArrivalRun, { context, report }: Watching): Promise<ArrivalSummary> {
  const progress = createProgress(context, 'arrive', report.isJson);
  try {
    for await (const event of run) {
      report.event(event);
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
