import { PAGE, sampleMapping } from './sample-mapping.ts';
import type { ProcessState, ProcessThread, StateMapping, StateRegion } from '../src/process/state.ts';

/** As `sampleMapping`, as the state of a process has it. */
export function stateMapping(start: bigint, pages: number, change: Partial<StateMapping> = {}): StateMapping {
  return { ...sampleMapping(start, pages), sharedWithOthers: false, ...change };
}

export function sampleRegion(address: bigint, pages: number, change: Partial<StateRegion> = {}): StateRegion {
  return { address, sizeBytes: pages * PAGE, pageSize: PAGE, copied: false, ...change };
}

/** Registers of x86_64 (27 words) that say which thread they are of. */
export function sampleThread(tid: number, change: Partial<ProcessThread> = {}): ProcessThread {
  return {
    tid,
    comm: `thread-${tid}`,
    regsets: [
      { type: 1, bytes: new Uint8Array(216).fill(tid) },
      { type: 2, bytes: new Uint8Array(512).fill(2) },
      { type: 0x202, bytes: new Uint8Array(1088).fill(3) },
    ],
    signalMask: 0x4000n,
    pendingSignals: 1n,
    siginfo: new Uint8Array(0),
    stopSignal: 0,
    ...change,
  };
}

export function sampleState(change: Partial<ProcessState> = {}): ProcessState {
  return {
    arch: 'x86_64',
    pageSize: PAGE,
    cutUnixNs: 1_700_000_000_000_000_123n,
    pid: 100,
    ppid: 1,
    pgrp: 99,
    sid: 98,
    uid: 1000,
    gid: 4_294_967_294,
    state: 'S',
    nice: -5,
    flags: 0x40_0000n,
    fname: 'sample',
    args: './sample --words ä',
    exe: '/usr/bin/sample',
    cwd: '/',
    filter: ['anonymous', 'elf-headers'],
    includesDontDump: true,
    auxv: new Uint8Array(32).fill(7),
    mappings: [
      stateMapping(0x1000n, 4, {
        path: '/usr/bin/sample',
        kind: 'private-file',
        perms: 5,
        inode: 12n,
        devMajor: 8,
      }),
      stateMapping(0x10_0000n, 16),
      stateMapping(0x7f00_0000_0000n, 2, { path: '/usr/bin/sample', kind: 'private-file', offset: 0x3000n }),
      stateMapping(0xffff_ffff_ff60_0000n, 1, { path: '[vsyscall]', kind: 'vsyscall', perms: 1 }),
    ],
    regions: [
      sampleRegion(0x10_1000n, 3),
      sampleRegion(0x10_8000n, 1),
      sampleRegion(0x1000n, 1, { copied: true }),
      sampleRegion(0x7f00_0000_0000n, 2, { copied: true }),
    ],
    threads: [sampleThread(101), sampleThread(100), sampleThread(102)],
    sharedPendingSignals: 0x200n,
    ...change,
  };
}
