// The structures inside the notes of a core file: elf_prstatus, elf_prpsinfo and the table of NT_FILE; core(5), <sys/procfs.h>.
import type { ProcessState, ProcessThread, StateMapping } from '../process/state.ts';

const encoder = new TextEncoder();

/** Offset of the registers in elf_prstatus, the same on both architectures. */
const REGISTERS_AT = 112;
const PRPSINFO_BYTES = 136;
const FNAME_BYTES = 16;
const PSARGS_BYTES = 80;
/** Letters in the order of the kernel's pr_state. */
const STATE_LETTERS = 'RSDTZW';

/** Registers are followed by pr_fpvalid and padding to 8. Processor times are left at 0. */
export function prstatus(state: ProcessState, thread: ProcessThread, registers: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(REGISTERS_AT + registers.length + 8);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, thread.stopSignal, true);
  view.setInt16(12, thread.stopSignal, true);
  view.setBigUint64(16, thread.pendingSignals, true);
  view.setBigUint64(24, thread.signalMask, true);
  for (const [index, id] of [thread.tid, state.ppid, state.pgrp, state.sid].entries()) {
    view.setInt32(32 + 4 * index, id, true);
  }
  bytes.set(registers, REGISTERS_AT);
  view.setInt32(REGISTERS_AT + registers.length, 1, true);
  return bytes;
}

export function prpsinfo(state: ProcessState): Uint8Array {
  const bytes = new Uint8Array(PRPSINFO_BYTES);
  const view = new DataView(bytes.buffer);
  const number = STATE_LETTERS.indexOf(state.state || 'S');
  bytes[0] = Math.max(0, number);
  bytes[1] = (number < 0 ? '.' : state.state || 'S').charCodeAt(0);
  bytes[2] = state.state === 'Z' ? 1 : 0;
  view.setInt8(3, Math.max(-128, Math.min(127, state.nice)));
  view.setBigUint64(8, state.flags, true);
  view.setUint32(16, state.uid, true);
  view.setUint32(20, state.gid, true);
  for (const [index, id] of [state.pid, state.ppid, state.pgrp, state.sid].entries()) {
    view.setInt32(24 + 4 * index, id, true);
  }
  // Both end with a zero byte.
  encoder.encodeInto(state.fname, bytes.subarray(40, 40 + FNAME_BYTES - 1));
  encoder.encodeInto(state.args, bytes.subarray(56, 56 + PSARGS_BYTES - 1));
  return bytes;
}

/** Mappings of files: count and page size, then start, end and file offset in pages of each, then the names. */
export function fileTable(pageSize: number, mappings: readonly StateMapping[]): Uint8Array | undefined {
  const files = mappings.filter(({ path }) => path.startsWith('/'));
  if (files.length === 0) return undefined;
  const names = files.map(({ path }) => encoder.encode(path.replaceAll('\0', '')));
  const headBytes = 16 + 24 * files.length;
  const bytes = new Uint8Array(names.reduce((sum, name) => sum + name.length + 1, headBytes));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(files.length), true);
  view.setBigUint64(8, BigInt(pageSize), true);
  let nameAt = headBytes;
  for (const [index, { start, end, offset }] of files.entries()) {
    const at = 16 + 24 * index;
    view.setBigUint64(at, start, true);
    view.setBigUint64(at + 8, end, true);
    view.setBigUint64(at + 16, offset / BigInt(pageSize), true);
    const name = names[index]!;
    bytes.set(name, nameAt);
    nameAt += name.length + 1;
  }
  return bytes;
}
