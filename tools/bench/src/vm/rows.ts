import { guestStallNs } from '../../../vm-guest/src/test-machine.ts';
import { type Series, series, type Statistic, type Unit } from '../figure.ts';
import type { Goal, Row } from '../row.ts';
import type { FeltPicture } from './figures.ts';

export const SINKS = ['null', 'pipe', 'file', 'slow', 'stalling'] as const;
export type SinkName = (typeof SINKS)[number];

/** Round by round. */
export interface VmResults {
  readonly ours: Readonly<Record<SinkName, readonly FeltPicture[]>>;
  readonly qemu: Readonly<Record<SinkName, readonly FeltPicture[]>>;
}

const TOTAL_SHARE = 1 / 8;
const P99_SHARE = 1 / 3;
const LONGEST_SHARE = 1 / 50;
const PAUSE_SHARE = 2;
/** Of a stall. If the machine did not even feel it through QEMU, the sink did not stall. */
const FELT_MIN_SHARE = 1 / 2;

const atMost = (limit: number): Goal => ({ kind: 'ratioAtMost', limit });

export function vmRows(
  benchmark: string,
  subject: string,
  results: VmResults,
  sinks: Readonly<Record<SinkName, string>>,
  stallMs: number,
): Row[] {
  const row = (sink: SinkName, what: Figure, goal?: Goal): Row => ({
    benchmark,
    subject: `${subject}, ${sinks[sink]}: ${what.name}`,
    measured: figure('ours', what, results.ours[sink]),
    peer: figure('QEMU', what, results.qemu[sink]),
    ...(goal === undefined ? {} : { goal }),
  });
  const stalling = row('stalling', LONGEST, atMost(LONGEST_SHARE));
  return [
    row('null', TOTAL, atMost(TOTAL_SHARE)),
    row('null', P99, atMost(P99_SHARE)),
    row('null', LONGEST),
    row('null', PAUSE, atMost(PAUSE_SHARE)),
    row('pipe', TOTAL),
    row('pipe', P99),
    row('file', TOTAL),
    row('file', P99),
    row('slow', P99, atMost(P99_SHARE)),
    row('slow', LONGEST),
    stalling.peer.samples.some((ms) => ms < stallMs * FELT_MIN_SHARE)
      ? { ...stalling, voidBecause: 'QEMU’s machine did not feel the sink' }
      : stalling,
  ];
}

interface Figure {
  readonly name: string;
  readonly unit: Unit;
  readonly of: (picture: FeltPicture) => number;
  readonly statistic?: Statistic;
}

const TOTAL: Figure = { name: 'total time', unit: 'ms', of: ({ totalMs }) => totalMs };
const PAUSE: Figure = { name: 'pause', unit: 'ms', of: ({ pauseMs }) => pauseMs };
const P99: Figure = {
  name: 'p99 of the machine’s writes',
  unit: 'µs',
  of: ({ stalls }) => guestStallNs(stalls, 0.99) / 1000,
};
const LONGEST: Figure = {
  name: 'longest write',
  unit: 'ms',
  of: ({ stalls }) => stalls.longestNs / 1e6,
  statistic: 'worst',
};

function figure(name: string, { unit, of, statistic }: Figure, pictures: readonly FeltPicture[]): Series {
  return series(name, unit, pictures.map(of), statistic);
}
