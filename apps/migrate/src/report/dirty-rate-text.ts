import type { Convergence } from '../dirty-rate/convergence.ts';
import type { Measurement } from '../dirty-rate/measure.ts';
import { bar, showPercent } from './bars.ts';
import { showBytes, showCount, showForeign, showMs } from './units.ts';

const BAR_WIDTH = 32;
/** Regions that are told; the rest is summed up. With --json all of them are there. */
const REGIONS_SHOWN = 8;
/** Rounds that are told one by one. */
const ROUNDS_SHOWN = 8;
const PAGE_BYTES = 4096;

/** For people: the rate, a plot of the working set, where it is, and what a migration would be. */
export function dirtyRateText(
  measured: Measurement,
  convergence: (Convergence & { readonly bandwidthBytesPerSecond: number }) | undefined,
): string {
  return [
    ...rateLines(measured),
    '',
    'Written at least once within …',
    ...curveLines(measured),
    '',
    'Where',
    ...regionLines(measured),
    ...(convergence === undefined ? [] : ['', ...convergenceLines(convergence)]),
  ].join('\n');
}

function rateLines({ memoryBytes, elapsedMs, meanBytesPerSecond, maxBytesPerSecond }: Measurement): string[] {
  const pages = showCount(Math.round(meanBytesPerSecond / PAGE_BYTES));
  return [
    `  memory         ${showBytes(memoryBytes)} tracked for ${showMs(elapsedMs)}`,
    `  dirty rate     ${showBytes(meanBytesPerSecond)}/s (${pages} pages/s), at most ${showBytes(maxBytesPerSecond)}/s`,
  ];
}

function curveLines({ workingSet, memoryBytes }: Measurement): string[] {
  return workingSet.map(({ intervalMs, bytes }) => {
    const share = bytes / memoryBytes;
    return `  ${showMs(intervalMs).padStart(9)}  ${bar(share, BAR_WIDTH)} ${showBytes(bytes).padStart(9)}  ${showPercent(share)}`;
  });
}

function regionLines({ regions }: Measurement): string[] {
  const total = regions.reduce((sum, { dirtyBytes }) => sum + dirtyBytes, 0);
  if (total === 0) return ['  nothing was written'];
  const shown = regions.slice(0, REGIONS_SHOWN);
  const rest = regions.slice(REGIONS_SHOWN);
  const lines = shown.map(
    ({ name, dirtyBytes }) => `  ${showPercent(dirtyBytes / total).padStart(7)}  ${showForeign(name)}`,
  );
  if (rest.length > 0) {
    const bytes = rest.reduce((sum, { dirtyBytes }) => sum + dirtyBytes, 0);
    lines.push(`  ${showPercent(bytes / total).padStart(7)}  in ${rest.length} others`);
  }
  return lines;
}

function convergenceLines(convergence: Convergence & { readonly bandwidthBytesPerSecond: number }): string[] {
  const { converges, rounds, totalBytes, etaMs, downtimeMs, neededBytesPerSecond } = convergence;
  const shown = rounds.slice(0, ROUNDS_SHOWN).map(({ bytes }) => showBytes(bytes));
  const more = rounds.length > ROUNDS_SHOWN ? ' → …' : '';
  const needed =
    neededBytesPerSecond === null
      ? 'no link is fast enough'
      : `the slowest link that is fast enough: ${showBytes(neededBytesPerSecond)}/s`;
  return [
    `Pre-copy over ${showBytes(convergence.bandwidthBytesPerSecond)}/s`,
    `  rounds         ${rounds.length}: ${shown.join(' → ')}${more}`,
    converges
      ? `  converges      in ${showMs(etaMs)}, ${showBytes(totalBytes)} sent, the last ${showMs(downtimeMs)} of it with the guest at rest`
      : `  no convergence stopped here, the guest would be at rest for ${showMs(downtimeMs)}`,
    `  needs          ${needed}`,
  ];
}
