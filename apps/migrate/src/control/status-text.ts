import { linkText } from '../report/link-text.ts';
import { showBytes, showCount, showMs, showUs } from '../report/units.ts';
import type { Success } from './protocol.ts';

/** A status for people. */
export function statusText({ state, paused, pid, limiter, progress, link }: Success): string {
  const setting = typeof limiter.setting === 'string' ? limiter.setting : JSON.stringify(limiter.setting);
  const rows: [string, string][] = [
    ['state', `${state}${paused ? ', the sweep is paused' : ''} (process ${pid})`],
    [
      'limiter',
      `${setting}${progress === undefined || progress.limiter.reason === '' ? '' : `: ${progress.limiter.reason}`}`,
    ],
  ];
  if (progress !== undefined) {
    const { pages, takenPages, takenBytes, elapsedMs, faults, stallUs, preImageBytes, sink } = progress;
    rows.push(
      ['phase', `${progress.phase}, ${showMs(elapsedMs)} after the start`],
      ['pages', `${showCount(takenPages)} of ${showCount(pages)}, ${showBytes(takenBytes)}`],
      ['faults', `${showCount(faults)}; p99 ${showUs(stallUs.p99)}, longest ${showUs(stallUs.max)}`],
      ['pre-images', `${showBytes(preImageBytes)} held`],
      ['sink', `${showBytes(sink.drainBytesPerSecond)}/s, longest write ${showMs(sink.longestWriteMs)}`],
    );
  }
  if (link !== undefined) {
    rows.push(['link', `${link.linked ? '' : 'away; '}${linkText(link)}`]);
  }
  return rows.map(([name, value]) => `  ${name.padEnd(13)} ${value}`).join('\n');
}
