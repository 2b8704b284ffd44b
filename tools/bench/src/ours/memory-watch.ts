import { readFileSync, writeFileSync } from 'node:fs';
import type { Addon } from './addon.ts';

/** proc_pid_clear_refs(5): 5 resets the high-water mark of resident memory. */
const RESET_HIGH_WATER_MARK = '5';

/**
 * How much more memory this process had resident at most, compared with now.
 *
 * Counts everything that is resident: anonymous, files and shared memory. The kernel's own high-water mark (VmHWM), or what a native thread
 * saw every 10 ms where that is more.
 */
export function watchMemory(addon: Addon): { stop(): number } {
  globalThis.gc?.();
  writeFileSync('/proc/self/clear_refs', RESET_HIGH_WATER_MARK);
  const before = addon.residentBytes();
  const errno = addon.residentWatchStart();
  if (errno !== 0) throw new Error(`the memory watch did not start: errno ${errno}`);
  return { stop: () => Math.max(addon.residentWatchStop(), highWaterMarkBytes()) - before };
}

function highWaterMarkBytes(): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  if (kib === undefined) throw new Error('/proc/self/status has no VmHWM');
  return Number(kib) * 1024;
}
