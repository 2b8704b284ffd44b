import { ProcessGuestError } from './error.ts';

/** Fields of /proc/PID/stat that we use; proc_pid_stat(5). */
export interface ProcessStat {
  readonly pid: number;
  /** At most 15 bytes. */
  readonly comm: string;
  /** One letter: R, S, D, T, t, Z, X, I … */
  readonly state: string;
  readonly ppid: number;
  readonly pgrp: number;
  readonly sid: number;
  /** The kernel's PF_ bits. */
  readonly flags: number;
  readonly nice: number;
  readonly startTimeTicks: string;
}

/** PF_EXITING and PF_KTHREAD of include/linux/sched.h; the numbers are visible in stat and have not changed since 2.6. */
export const FLAG_EXITING = 0x0000_0004;
export const FLAG_KERNEL_THREAD = 0x0020_0000;

/** The name stands in parentheses and may itself have any, so the last one ends it. */
export function parseStat(text: string): ProcessStat {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const rest = text
    .slice(close + 2)
    .trim()
    .split(' ');
  // Field 3 of the manual is rest[0].
  const field = (number: number): string => rest[number - 3] ?? '';
  const stat = {
    pid: Number(text.slice(0, open)),
    comm: text.slice(open + 1, close),
    state: field(3),
    ppid: Number(field(4)),
    pgrp: Number(field(5)),
    sid: Number(field(6)),
    flags: Number(field(9)),
    nice: Number(field(19)),
    startTimeTicks: field(22),
  };
  if (open < 0 || close < open || stat.startTimeTicks === '') {
    throw new ProcessGuestError('PROCESS_READ_FAILED', 'the stat file of the process has an unknown form');
  }
  return stat;
}

/** A line `Name: value` of /proc/PID/status; undefined when the kernel does not have it. */
export function statusField(status: string, name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
}
