import type { SnapshotSummary } from '@stillframe/snapshot';
import type { Picture } from '../picture.ts';
import { showBytes, showCount, showMs, showUs } from './units.ts';

/** The last JSON line of a picture: the contract's fields, and more. */
export interface PictureSummary extends Omit<SnapshotSummary, 'limiter'> {
  readonly type: 'summary';
  readonly outcome: 'done';
  readonly mode: 'snapshot';
  readonly limiter: string;
  readonly limiterSteps: number;
  readonly limiterHeldMs: number;
  readonly writes: number;
  readonly writeStallUs: Picture<SnapshotSummary>['writeStallUs'];
  /** The digest and an oracle were checked where the image is. */
  readonly verified: boolean;
}

export function pictureSummary(picture: Picture<SnapshotSummary>, verified: boolean): PictureSummary {
  const { summary, writes, writeStallUs } = picture;
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

/** `verification`: how the image was checked, in words. */
export function pictureText(summary: PictureSummary, verification: string): string {
  const { writeStallUs } = summary;
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
      `${summary.limiter}: asked ${showCount(summary.limiterSteps)} times, held the sweep for ${showMs(summary.limiterHeldMs)}`,
    ],
    ['digest', summary.digest],
    ['verified', verification],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(13)} ${value}`).join('\n');
}
