import { series } from '../figure.ts';
import type { Goal, Row } from '../row.ts';
import type { MachineMove } from './machine.ts';

const QEMU_SHARE = 1 / 2;
/** Of the writes that were asked for. A machine that writes less has less to move. */
const WRITES_MIN_SHARE = 0.9;

/** Moves over one route, round by round. */
export interface Downtimes {
  /** Of a counter, by our pre-copy. */
  readonly counterMs: readonly number[];
  /** Of a machine, by our pre-copy and by QEMU's. */
  readonly ours: readonly MachineMove[];
  readonly qemu: readonly MachineMove[];
}

/** How long what moves stands still, beside QEMU's own pre-copy of as much memory that is written as fast. */
export function downtimeRows(
  benchmark: string,
  subject: (what: string) => string,
  { counterMs, ours, qemu }: Downtimes,
  writesPerSecond: number,
): Row[] {
  const goal: Goal = { kind: 'ratioAtMost', limit: QEMU_SHARE };
  const peer = series('a machine by QEMU’s own', 'ms', qemu.map(downtime));
  const rates = [...ours, ...qemu].map((move) => move.writesPerSecond);
  const slowest = Math.min(...rates);
  const rest = {
    benchmark,
    peer,
    goal,
    ...(slowest < writesPerSecond * WRITES_MIN_SHARE
      ? { note: `before it moved, a machine wrote only ${Math.round(slowest)} pages a second` }
      : {}),
  };
  return [
    {
      ...rest,
      subject: subject('a guest stands still, pre-copy'),
      measured: series('a counter', 'ms', counterMs),
    },
    {
      ...rest,
      subject: subject('a machine stands still, pre-copy'),
      measured: series('the machine', 'ms', ours.map(downtime)),
    },
  ];
}

function downtime({ downtimeMs }: MachineMove): number {
  return downtimeMs;
}
