import { MAX_REGIONS, MAX_STATE_BYTES } from '@stillframe/page-stream';
import { MAPPINGS_MAX } from './address-space.ts';
import { ByteWriter } from './byte-writer.ts';
import { filterMask } from './dump-filter.ts';
import { ProcessGuestError } from './error.ts';
import { MAPPING_KINDS } from './mapping.ts';
import {
  ARCHES,
  ARGS_MAX_BYTES,
  AUXV_MAX_BYTES,
  PATH_MAX_BYTES,
  type ProcessState,
  type ProcessThread,
  REGSET_MAX_BYTES,
  REGSETS_MAX,
  SIGINFO_MAX_BYTES,
  type StateMapping,
  type StateRegion,
  THREADS_MAX,
} from './state.ts';

/** `SFP1`: the layout of PROCESS-STATE.md. */
export const STATE_MAGIC = 0x3150_4653;

/**
 * The bytes of a `process@1` state; PROCESS-STATE.md has the layout.
 * @throws ProcessGuestError PROCESS_TOO_LARGE.
 */
export function encodeProcessState(state: ProcessState): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(STATE_MAGIC);
  writeFacts(writer, state);
  writeMappings(writer, state.mappings);
  writeRegions(writer, state.regions);
  checkMax(state.threads.length, THREADS_MAX, 'threads');
  writer.u32(state.threads.length);
  for (const thread of state.threads) writeThread(writer, thread);
  writer.u64(state.sharedPendingSignals);
  const bytes = writer.finish();
  checkMax(bytes.length, MAX_STATE_BYTES, 'bytes of state');
  return bytes;
}

function writeFacts(writer: ByteWriter, state: ProcessState): void {
  writer.u8(ARCHES.indexOf(state.arch));
  writer.u32(state.pageSize);
  writer.u64(state.cutUnixNs);
  for (const id of [state.pid, state.ppid, state.pgrp, state.sid]) writer.i32(id);
  writer.u32(state.uid);
  writer.u32(state.gid);
  writer.text(state.state, 1);
  writer.i32(state.nice);
  writer.u64(state.flags);
  writer.text(state.fname, 15);
  writer.text(state.args, ARGS_MAX_BYTES);
  writer.text(state.exe, PATH_MAX_BYTES);
  writer.text(state.cwd, PATH_MAX_BYTES);
  writer.u32(filterMask(state.filter));
  writer.u8(state.includesDontDump ? 1 : 0);
  checkMax(state.auxv.length, AUXV_MAX_BYTES, 'bytes of auxv');
  writer.bytes(state.auxv);
}

/** Libraries have several mappings each, so their paths come once. */
function writeMappings(writer: ByteWriter, mappings: readonly StateMapping[]): void {
  checkMax(mappings.length, MAPPINGS_MAX, 'mappings');
  const paths = new Map<string, number>();
  for (const { path } of mappings) if (!paths.has(path)) paths.set(path, paths.size);
  writer.u32(paths.size);
  for (const path of paths.keys()) writer.text(path, PATH_MAX_BYTES);
  writer.u32(mappings.length);
  for (const mapping of mappings) {
    writer.u64(mapping.start);
    writer.u64(mapping.end);
    writer.u64(mapping.offset);
    writer.u64(mapping.inode);
    writer.u32(mapping.devMajor);
    writer.u32(mapping.devMinor);
    writer.u32(mapping.pageSize);
    writer.u32(paths.get(mapping.path)!);
    writer.u16(mapping.flags);
    writer.u8(mapping.perms);
    writer.u8(MAPPING_KINDS.indexOf(mapping.kind));
    writer.u8(mapping.sharedWithOthers ? 1 : 0);
  }
}

function writeRegions(writer: ByteWriter, regions: readonly StateRegion[]): void {
  checkMax(regions.length, MAX_REGIONS, 'regions');
  writer.u32(regions.length);
  for (const { address, sizeBytes, pageSize, copied } of regions) {
    writer.u64(address);
    writer.u64(BigInt(sizeBytes));
    writer.u32(pageSize);
    writer.u8(copied ? 1 : 0);
  }
}

function writeThread(writer: ByteWriter, thread: ProcessThread): void {
  writer.i32(thread.tid);
  writer.text(thread.comm, 15);
  writer.u64(thread.signalMask);
  writer.u64(thread.pendingSignals);
  writer.u32(thread.stopSignal);
  checkMax(thread.siginfo.length, SIGINFO_MAX_BYTES, 'bytes of siginfo');
  writer.bytes(thread.siginfo);
  checkMax(thread.regsets.length, REGSETS_MAX, 'register sets');
  writer.u32(thread.regsets.length);
  for (const { type, bytes } of thread.regsets) {
    checkMax(bytes.length, REGSET_MAX_BYTES, 'bytes in a register set');
    writer.u32(type);
    writer.bytes(bytes);
  }
}

function checkMax(count: number, max: number, what: string): void {
  if (count <= max) return;
  throw new ProcessGuestError('PROCESS_TOO_LARGE', `${count} ${what}, the format has room for ${max}`, {
    operands: { count, max },
  });
}
