import type { SnapshotSummary } from '@stillframe/snapshot';
import type { Picture, WorkloadPicture } from '../picture.ts';
import type { ProcessFacts } from '../process-guest.ts';
import { machineRows } from '../qemu/machine-rows.ts';
import type { MachineFacts } from '../qemu/picture-machine.ts';
import { packingRows, streamText } from './packing-text.ts';
import { showBytes, showCount, showForeign, showMs, showUs } from './units.ts';

/** The last JSON line of a picture: the contract's fields, and more. */
export interface PictureSummary
  extends Omit<SnapshotSummary, 'limiter' | 'mark'>,
    Partial<ProcessFacts>,
    Partial<MachineFacts> {
  readonly type: 'summary';
  readonly outcome: 'done';
  readonly mode: 'snapshot';
  readonly limiter: string;
  readonly limiterSteps: number;
  readonly limiterHeldMs: number;
  /** Of a workload, as is `writeStallUs`. */
  readonly writes?: number;
  readonly writeStallUs?: WorkloadPicture<SnapshotSummary>['writeStallUs'];
  /** The digest and an oracle were checked where the image is. */
  readonly verified: boolean;
}

export function pictureSummary(picture: Picture<SnapshotSummary>, verified: boolean): PictureSummary {
  const { summary, ...ofGuest } = picture;
  const { limiter, mark: _, ...numbers } = summary;
  return {
    type: 'summary',
    outcome: 'done',
    mode: 'snapshot',
    limiter: limiter.name,
    limiterSteps: limiter.steps,
    limiterHeldMs: limiter.heldMs,
    ...numbers,
    ...ofGuest,
    verified,
  };
}

/**
 * `verification`: how the image was checked, in words; not given where there is no image. `link`: what became of the connection, where
 * it may come back.
 */
export function pictureText(
  summary: Omit<PictureSummary, 'digest'>,
  verification?: string,
  link?: string,
): string {
  const rows: [string, string][] = [
    ...processRows(summary),
    ...machineRows(summary),
    ['pages', `${showCount(summary.pages)}, ${showCount(summary.zeroPages)} of them zero`],
    ['stream', streamText(summary.bytes, summary.streamMs, summary.packing)],
    ...packingRows(summary.packing),
    ['pause', `${showMs(summary.pauseMs)} (${showMs(summary.pause.armMs)} of it to arm)`],
    ...stallRows(summary),
    [
      'faults',
      `${showCount(summary.faults)}; release after p50 ${showUs(summary.stallUs.p50)}, p99 ${showUs(summary.stallUs.p99)}, longest ${showUs(summary.stallUs.max)}`,
    ],
    [
      'pre-images',
      `at most ${showBytes(summary.preImageBytesMax)} held, ${showBytes(summary.spilledBytesMax)} spilled`,
    ],
    ...(summary.lostPages === 0
      ? []
      : [
          [
            'lost',
            `${showCount(summary.lostPages)} pages that the guest threw away before they were captured`,
          ] as [string, string],
        ]),
    [
      'limiter',
      `${summary.limiter}: asked ${showCount(summary.limiterSteps)} times, held the sweep for ${showMs(summary.limiterHeldMs)}`,
    ],
    ...(link === undefined ? [] : [['link', link] as [string, string]]),
    ...verifiedRows(summary, verification),
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(13)} ${value}`).join('\n');
}

function verifiedRows(summary: object, verification: string | undefined): [string, string][] {
  if (verification === undefined) return [];
  return [
    ['digest', 'digest' in summary ? String(summary.digest) : ''],
    ['verified', verification],
  ];
}

/** Of a process. */
function processRows({
  pid,
  command,
  threads,
  mappings,
  attachPauseMs,
}: Partial<ProcessFacts>): [string, string][] {
  if (pid === undefined) return [];
  return [
    ['process', `${pid}, ${showForeign(command ?? '')}`],
    ['', `${showCount(threads ?? 0)} threads, ${showCount(mappings ?? 0)} mappings`],
    ['attach', `stood still for ${showMs(attachPauseMs ?? 0)} before`],
  ];
}

/** Of a workload, which times its own writes. */
function stallRows({ writeStallUs }: Pick<PictureSummary, 'writeStallUs'>): [string, string][] {
  if (writeStallUs === undefined) return [];
  const { before, during, after } = writeStallUs;
  return [
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
  ];
}
