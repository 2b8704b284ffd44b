import type { ReceiveSummary } from '@stillframe/snapshot';
import type { ImageCheck } from '../verify-image.ts';
import { showBytes, showCount, showMs } from './units.ts';

/** What was read and what was checked of it, for people. */
export function checkText(summary: ReceiveSummary, check: ImageCheck): string {
  const rows: [string, string][] = [
    ['pages', `${showCount(summary.pages)}, ${showCount(summary.zeroPages)} of them zero`],
    ['read', `${showBytes(summary.bytes)} in ${showMs(summary.durationMs)}`],
    ['digest', `${summary.digest}, right, like every checksum`],
    ['oracle', oracleText(check)],
    ...check.checks.map(({ name, ok, detail }): [string, string] => [
      '',
      `${ok ? 'ok   ' : 'WRONG'} ${name}: ${detail}`,
    ]),
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(13)} ${value}`).join('\n');
}

function oracleText({ oracle, verified, message }: ImageCheck): string {
  if (oracle === null) return 'none for this guest: only the bytes were checked';
  return verified ? `${oracle} accepts it` : `${oracle} does not accept it: ${message}`;
}
