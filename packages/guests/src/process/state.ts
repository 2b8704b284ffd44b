import type { FilterName } from './dump-filter.ts';
import type { Mapping } from './mapping.ts';

/** `GuestState.kind` of what `encodeProcessState` writes. */
export const PROCESS_STATE_KIND = 'process@1';

export const ARCHES = ['x86_64', 'aarch64'] as const;
export type Arch = (typeof ARCHES)[number];

/** A set of registers as PTRACE_GETREGSET gives it; `type` is the NT_ number of its note in a core file. */
export interface RegisterSet {
  readonly type: number;
  readonly bytes: Uint8Array;
}

export interface ProcessThread {
  readonly tid: number;
  readonly comm: string;
  readonly regsets: readonly RegisterSet[];
  /** Blocked signals, bit n − 1 for signal n. */
  readonly signalMask: bigint;
  readonly pendingSignals: bigint;
  /** A siginfo_t; empty when there was none. */
  readonly siginfo: Uint8Array;
  /** The signal that the thread was about to receive when it was stopped; 0 for none. */
  readonly stopSignal: number;
}

/** A mapping as of the cut. */
export interface StateMapping extends Mapping {
  /** Shared memory that was also mapped by other processes: their writes are not held back, and the image may show some after the cut. */
  readonly sharedWithOthers: boolean;
}

/** Where a region of the image was; its id is its position. */
export interface StateRegion {
  readonly address: bigint;
  readonly sizeBytes: number;
  readonly pageSize: number;
  /** Copied while the process stood still, because it cannot be armed. */
  readonly copied: boolean;
}

/** Everything of a process that is not memory, as of the cut. */
export interface ProcessState {
  readonly arch: Arch;
  /** Bytes of a base page. */
  readonly pageSize: number;
  /** CLOCK_REALTIME. */
  readonly cutUnixNs: bigint;
  readonly pid: number;
  readonly ppid: number;
  readonly pgrp: number;
  readonly sid: number;
  readonly uid: number;
  readonly gid: number;
  /** One letter as in /proc/PID/stat, before the stop. */
  readonly state: string;
  readonly nice: number;
  /** PF_ bits. */
  readonly flags: bigint;
  /** Name of the program, at most 15 bytes. */
  readonly fname: string;
  /** The command line, words separated by spaces; cut to `ARGS_MAX_BYTES`. */
  readonly args: string;
  readonly exe: string;
  readonly cwd: string;
  readonly filter: readonly FilterName[];
  readonly includesDontDump: boolean;
  /** Pairs of words, as in /proc/PID/auxv. */
  readonly auxv: Uint8Array;
  /** Ascending. */
  readonly mappings: readonly StateMapping[];
  readonly regions: readonly StateRegion[];
  /** The first is the one that the process is named after. */
  readonly threads: readonly ProcessThread[];
  /** Pending for the process as a whole. */
  readonly sharedPendingSignals: bigint;
}

/** What a kernel shows of a path, PATH_MAX and ` (deleted)`. */
export const PATH_MAX_BYTES = 4096 + 16;
/** More than the 80 that a core file keeps, less than what a command line can be. */
export const ARGS_MAX_BYTES = 4096;
/** A kernel has about 50 pairs of 16 bytes. */
export const AUXV_MAX_BYTES = 4096;
/** The kernel's highest pid_max is 2^22; such a process would need 16 GiB for registers. */
export const THREADS_MAX = 65_536;
/** General, floating point, extended, TLS, pointer authentication, SVE, SME …: a dozen today. */
export const REGSETS_MAX = 32;
/** SVE with 2,048-bit vectors takes 17 KiB, SME's ZA 64 KiB, AMX 11 KiB. */
export const REGSET_MAX_BYTES = 256 * 1024;
/** siginfo_t has 128 on every Linux. */
export const SIGINFO_MAX_BYTES = 128;
