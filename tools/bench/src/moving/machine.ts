import { setTimeout as sleep } from 'node:timers/promises';
import type { TestMachine, TestMachineOptions } from '../../../vm-guest/src/test-machine.ts';
import { MIB } from '../benchmark.ts';
import type { Route } from './route.ts';

const PAGE_BYTES = 4096;
/** What Linux needs beside what is written. It is hardly touched, so it costs neither side much. */
const REST_BYTES = 256 * MIB;
/** How long the machine writes before it moves. */
const WARM_UP_MS = 500;

export interface MachineMoveOptions {
  readonly program: string;
  readonly route: Route;
  /** How much the machine writes to. */
  readonly guestBytes: number;
  /** Of 4 KiB pages. */
  readonly writesPerSecond: number;
}

/** A move of a machine. */
export interface MachineMove {
  readonly downtimeMs: number;
  /** By the machine's own count, before it moves. Less than was asked for where an emulated processor is too slow. */
  readonly writesPerSecond: number;
}

/** Neither side's QEMU knows of the other one, nor where it runs. */
export function wordsOf({ guestBytes, writesPerSecond }: MachineMoveOptions): TestMachineOptions {
  return {
    pages: guestBytes / PAGE_BYTES,
    rate: writesPerSecond,
    memoryMiB: (guestBytes + REST_BYTES) / MIB,
  };
}

/** Lets the machine write for a while, and gives how many pages it wrote a second. */
export async function warmUp(machine: TestMachine): Promise<number> {
  // Forgets what was before.
  await machine.stalls();
  const startMs = performance.now();
  await sleep(WARM_UP_MS);
  const { stamps } = await machine.stalls();
  return (stamps * 1000) / (performance.now() - startMs);
}
