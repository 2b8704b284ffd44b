import type { ArrivalSummary, FaultWaitUs, MigrationSummary } from '@stillframe/migration';
import { showBytes, showCount, showMs, showUs } from '../report/units.ts';

/** What a finished migration was, for a person at the source. */
export function migrationText(summary: MigrationSummary): string {
  const { downtime, rounds } = summary;
  const parts = [
    `pause ${showMs(downtime.pauseMs)}`,
    `final round ${showMs(downtime.finalRoundMs)}`,
    `drain ${showMs(downtime.drainMs)}`,
    `acknowledgement ${showMs(downtime.acknowledgementMs)}`,
    `resume ${showMs(downtime.resumeMs)}`,
  ];
  return [
    `  moved         ${summary.mode}${summary.postcopy && summary.mode === 'hybrid' ? ', switched to post-copy' : ''}, in ${showMs(summary.durationMs)}`,
    `  downtime      ${showMs(summary.downtimeMs)}: ${parts.join(' · ')}`,
    `  rounds        ${rounds.length === 0 ? 'none' : rounds.map(({ bytes }) => showBytes(bytes)).join(' · ')}`,
    ...(summary.brakeShare === 0
      ? []
      : [
          `  brake         its writers were slowed for ${Math.round(summary.brakeShare * 100)} % of their time`,
        ]),
    `  sent          ${showCount(summary.sentPages)} pages of ${showCount(summary.pages)}, ${showBytes(summary.sentBytes)}: ${summary.totalRatio.toFixed(2)} of the memory`,
    `  digest        ${summary.digest}, the same on both sides`,
  ].join('\n');
}

/** The fields that all summaries have, and those of a migration. */
export function migrationFields(summary: MigrationSummary) {
  return {
    type: 'summary',
    outcome: 'done',
    limiter: 'none',
    bytes: summary.sentBytes,
    zeroPages: 0,
    pauseMs: summary.downtimeMs,
    faults: 0,
    stallUs: { p50: 0, p99: 0, max: 0 },
    preImageBytesMax: 0,
    ...summary,
    digestVerified: true,
    // The oracle is asked at the destination, after the hand-over: its summary says what it found.
    verified: false,
  };
}

/** For a person at the destination, when the guest has come. */
export function arrivalText(summary: ArrivalSummary): string {
  const { faultLanePages, faultWaitUs } = summary;
  const early = summary.requestedPages + faultLanePages;
  return [
    `  arrived       ${showCount(summary.pages)} pages, ${showBytes(summary.receivedBytes)} in ${showMs(summary.durationMs)}, ${summary.rounds} rounds`,
    `  started       ${showMs(summary.startMs)} after it was handed over`,
    ...(summary.postcopy
      ? [
          `  touched early ${showCount(early)} pages, ${showCount(faultLanePages)} of them by the lane of faults${waitText(faultWaitUs)}`,
        ]
      : []),
    `  digest        ${summary.digest}, the same on both sides`,
  ].join('\n');
}

/** A quantile is the end of its bucket, which may lie beyond the longest wait. */
function waitText(waits: FaultWaitUs | undefined): string {
  if (waits === undefined || waits.count === 0) return '';
  const [p50, p99] = [waits.p50, waits.p99].map((wait) => showUs(Math.min(wait, waits.max)));
  return `, which took ${p50} (p50), ${p99} (p99), ${showUs(waits.max)} at most`;
}
