import { ProcessGuestError } from './error.ts';
import type { ProcDirectory } from './proc-directory.ts';
import { parseStat, statusField } from './stat.ts';
import { ARCHES, type Arch, ARGS_MAX_BYTES, AUXV_MAX_BYTES, type ProcessState } from './state.ts';

/** What of the state hardly ever changes, so it is read before the pause. */
export type ProcessFacts = Pick<
  ProcessState,
  | 'arch'
  | 'pid'
  | 'ppid'
  | 'pgrp'
  | 'sid'
  | 'uid'
  | 'gid'
  | 'state'
  | 'nice'
  | 'flags'
  | 'fname'
  | 'args'
  | 'exe'
  | 'cwd'
  | 'auxv'
>;

const NODE_ARCH: Readonly<Record<string, Arch>> = { x64: ARCHES[0], arm64: ARCHES[1] };

/** @throws ProcessGuestError see ProcDirectory, and PROCESS_UNSUPPORTED on another architecture. */
export function readFacts(proc: ProcDirectory): ProcessFacts {
  const arch = NODE_ARCH[process.arch];
  if (arch === undefined) {
    throw new ProcessGuestError('PROCESS_UNSUPPORTED', `processes cannot be captured on ${process.arch}`, {
      hint: 'Use x86_64 or aarch64.',
    });
  }
  const stat = parseStat(proc.text('stat'));
  const status = proc.text('status');
  return {
    arch,
    pid: stat.pid,
    ppid: stat.ppid,
    pgrp: stat.pgrp,
    sid: stat.sid,
    uid: firstNumber(statusField(status, 'Uid')),
    gid: firstNumber(statusField(status, 'Gid')),
    state: stat.state,
    nice: stat.nice,
    flags: BigInt(stat.flags),
    fname: stat.comm,
    args: commandLine(proc.bytes('cmdline')),
    exe: proc.link('exe'),
    cwd: proc.link('cwd'),
    auxv: proc.bytes('auxv').subarray(0, AUXV_MAX_BYTES),
  };
}

/** The name of each thread; empty for one that ended meanwhile. */
export function threadNames(proc: ProcDirectory, tids: readonly number[]): Map<number, string> {
  return new Map(
    tids.map((tid) => {
      try {
        return [tid, proc.text(`task/${tid}/comm`).trimEnd()];
      } catch {
        return [tid, ''];
      }
    }),
  );
}

function commandLine(bytes: Uint8Array): string {
  const words = Buffer.from(bytes.subarray(0, ARGS_MAX_BYTES)).toString('utf8');
  return words.replaceAll('\0', ' ').trimEnd();
}

function firstNumber(text: string | undefined): number {
  return Number.parseInt(text ?? '0', 10);
}
