import type { SnapshotSummary } from '@stillframe/snapshot';
import type { Picture } from '../picture.ts';
import { showBytes, showCount, showMs, showUs } from './units.ts';

/** How an image was checked, in words and as the contract's `verified`. */
export interface Verification {
  readonly verified: boolean;
  readonly words: string;
}

/** The last JSON line of a picture: the contract's fields, and more. */
export function pictureObject(
  { summary, writes, writeStallUs }: Picture<SnapshotSummary>,
  verified: boolean,
): object {
  const { limiter, ...numbers } = summary;
  return {
    type: 'summary',
    outcome: 'done',
    mode: 'snapshot',
    limiter: limiter.name,
    limiterSteps: limiter.steps,
    limiterHeldMs: limiter.heldMs,
    ...numbers,
    writes,
    writeStallUs,
    verified,
  };
}

export function pictureText(
  { summary, writeStallUs }: Picture<SnapshotSummary>,
  verification: Verification,
): string {
  const { before, during, after } = writeStallUs;
  const rate = (summary.bytes / Math.max(summary.streamMs, 0.001)) * 1000;
  const rows: [string, string][] = [
    ['pages', `${showCount(summary.pages)}, ${showCount(summary.zeroPages)} of them zero`],
    ['stream', `${showBytes(summary.bytes)} in ${showMs(summary.streamMs)}, ${showBytes(rate)}/s`],
    ['pause', `${showMs(summary.pauseMs)} (${showMs(summary.pause.armMs)} of it to arm)`],
    ['write stalls', `${''.padEnd(7)}${'p50'.padStart(10)}${'p99'.padStart(10)}${'longest'.padStart(10)}`],
    ...(
      [
        ['before', before],
        ['during', during],
        ['after', after],
      ] as const
    ).map(([name, stall]): [string, string] => [
      '',
      `${name.padEnd(7)}${showUs(stall.p50Us).padStart(10)}${showUs(stall.p99Us).padStart(10)}${showUs(stall.maxUs).padStart(10)}`,
    ]),
    [
      'faults',
      `${showCount(summary.faults)}; release after p50 ${showUs(summary.stallUs.p50)}, p99 ${showUs(summary.stallUs.p99)}, longest ${showUs(summary.stallUs.max)}`,
    ],
    [
      'pre-images',
      `at most ${showBytes(summary.preImageBytesMax)} held, ${showBytes(summary.spilledBytesMax)} spilled`,
    ],
    [
      'limiter',
      `${summary.limiter.name}: asked ${showCount(summary.limiter.steps)} times, held the sweep for ${showMs(summary.limiter.heldMs)}`,
    ],
    ['digest', summary.digest],
    ['verified', verification.words],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(13)} ${value}`).join('\n');
}
