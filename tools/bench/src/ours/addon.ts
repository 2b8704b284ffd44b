import { createRequire } from 'node:module';

/** peers/addon.c: what both sides run. Addresses are numbers below 2^53. */
export interface Addon {
  preparePages(address: number, bytes: number, kind: number): void;
  mappingBytes(address: number, field: number): number;
  writersStart(address: number, bytes: number, writers: number, writesPerSecond: number): boolean;
  writersPause(): void;
  writersResume(): void;
  writersEnter(phase: number): void;
  writersStop(counts: Float64Array): number;
  residentBytes(): number;
  residentWatchStart(): number;
  residentWatchStop(): number;
}

export function loadAddon(path: string): Addon {
  return createRequire(import.meta.url)(path);
}

export const FIELD_RSS = 0;
export const FIELD_HUGE = 1;
export const PHASE_DURING = 1;
export const PHASE_AFTER = 2;
