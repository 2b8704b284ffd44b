import {
  MAX_IMAGE_BYTES,
  MAX_PAGE_SIZE,
  MAX_REGIONS,
  MAX_STATE_BYTES,
  MIN_PAGE_SIZE,
} from '@stillframe/page-stream';
import { MAPPINGS_MAX } from './address-space.ts';
import { ByteReader } from './byte-reader.ts';
import { FILTER_NAMES, filterNames } from './dump-filter.ts';
import { ProcessGuestError } from './error.ts';
import { MAPPING_KINDS } from './mapping.ts';
import {
  ARCHES,
  ARGS_MAX_BYTES,
  AUXV_MAX_BYTES,
  PATH_MAX_BYTES,
  PROCESS_STATE_KIND,
  type ProcessState,
  type ProcessThread,
  REGSET_MAX_BYTES,
  REGSETS_MAX,
  type RegisterSet,
  SIGINFO_MAX_BYTES,
  type StateMapping,
  type StateRegion,
  THREADS_MAX,
} from './state.ts';
import { STATE_MAGIC } from './state-encode.ts';

const PATH_ENTRY_BYTES = 4;
const MAPPING_BYTES = 53;
const REGION_BYTES = 21;
const THREAD_MIN_BYTES = 36;
const REGSET_MIN_BYTES = 8;
/** Signals are numbered from 1 to 64. */
const SIGNAL_MAX = 64;
const PERMS_ALL = 15;
/** On arm64; what is padded to a page stays small. */
const BASE_PAGE_MAX_BYTES = 65_536;

/** Whether `kind` is that of a process, of whatever version. */
export function isProcessStateKind(kind: string): boolean {
  return /^process@\d+$/.test(kind);
}

/**
 * Reads a state that anybody may have written. What comes back is within all limits, ascending and without overlaps, so that who works
 * with it need not look again.
 *
 * @throws ProcessGuestError PROCESS_STATE_VERSION, PROCESS_STATE_INVALID with the byte offset.
 */
export function decodeProcessState(state: {
  readonly kind: string;
  readonly bytes: Uint8Array;
}): ProcessState {
  if (state.kind !== PROCESS_STATE_KIND) {
    const code = isProcessStateKind(state.kind) ? 'PROCESS_STATE_VERSION' : 'PROCESS_STATE_INVALID';
    throw new ProcessGuestError(code, `the state is of kind ${state.kind}, not ${PROCESS_STATE_KIND}`);
  }
  const reader = new ByteReader(state.bytes);
  if (state.bytes.length > MAX_STATE_BYTES) reader.fail(`it has more than ${MAX_STATE_BYTES} bytes`);
  if (reader.u32() !== STATE_MAGIC) reader.fail('it does not begin with SFP1');
  const facts = readFacts(reader);
  const paths = readList(reader, MAPPINGS_MAX, PATH_ENTRY_BYTES, 'paths', () =>
    reader.text(PATH_MAX_BYTES, 'a path'),
  );
  const mappings = readList(reader, MAPPINGS_MAX, MAPPING_BYTES, 'mappings', () =>
    readMapping(reader, paths),
  );
  checkMappings(reader, mappings);
  const regions = readList(reader, MAX_REGIONS, REGION_BYTES, 'regions', () => readRegion(reader));
  checkRegions(reader, regions);
  const threads = readList(reader, THREADS_MAX, THREAD_MIN_BYTES, 'threads', () => readThread(reader));
  if (threads.length === 0) reader.fail('there is no thread');
  const sharedPendingSignals = reader.u64();
  reader.end();
  return { ...facts, mappings, regions, threads, sharedPendingSignals };
}

function readFacts(
  reader: ByteReader,
): Omit<ProcessState, 'mappings' | 'regions' | 'threads' | 'sharedPendingSignals'> {
  const facts = {
    arch: reader.oneOf(ARCHES, 'the architecture'),
    pageSize: readPageSize(reader),
    cutUnixNs: reader.u64(),
    pid: reader.i32(),
    ppid: reader.i32(),
    pgrp: reader.i32(),
    sid: reader.i32(),
    uid: reader.u32(),
    gid: reader.u32(),
    state: reader.text(1, 'the state letter'),
    nice: reader.i32(),
    flags: reader.u64(),
    fname: reader.text(15, 'fname'),
    args: reader.text(ARGS_MAX_BYTES, 'args'),
    exe: reader.text(PATH_MAX_BYTES, 'exe'),
    cwd: reader.text(PATH_MAX_BYTES, 'cwd'),
  };
  if (facts.pageSize > BASE_PAGE_MAX_BYTES) reader.fail(`there is no base page of ${facts.pageSize} bytes`);
  const mask = reader.u32();
  if (mask >= 1 << FILTER_NAMES.length) reader.fail(`the filter ${mask} has unknown bits`);
  const includesDontDump = reader.flag('includesDontDump');
  const auxv = reader.bytes(AUXV_MAX_BYTES, 'auxv');
  if (auxv.length % 16 !== 0) reader.fail('auxv is not made of pairs');
  return { ...facts, filter: filterNames(mask), includesDontDump, auxv };
}

function readList<T>(reader: ByteReader, max: number, entryBytes: number, what: string, read: () => T): T[] {
  const count = reader.count(max, entryBytes, what);
  const entries: T[] = [];
  for (let index = 0; index < count; index++) entries.push(read());
  return entries;
}

function readMapping(reader: ByteReader, paths: readonly string[]): StateMapping {
  const start = reader.u64();
  const end = reader.u64();
  const offset = reader.u64();
  const inode = reader.u64();
  const devMajor = reader.u32();
  const devMinor = reader.u32();
  const pageSize = readPageSize(reader);
  const path = paths[reader.u32()] ?? reader.fail('a mapping has no path');
  const flags = reader.u16();
  const perms = reader.u8();
  if (perms > PERMS_ALL) reader.fail(`the permissions ${perms} have unknown bits`);
  const kind = reader.oneOf(MAPPING_KINDS, 'the kind of a mapping');
  const sharedWithOthers = reader.flag('sharedWithOthers');
  return {
    start,
    end,
    perms,
    offset,
    devMajor,
    devMinor,
    inode,
    path,
    kind,
    flags,
    pageSize,
    sharedWithOthers,
  };
}

function checkMappings(reader: ByteReader, mappings: readonly StateMapping[]): void {
  let before = 0n;
  for (const { start, end, pageSize } of mappings) {
    const mask = BigInt(pageSize) - 1n;
    if (start < before || end <= start || ((start | end) & mask) !== 0n) {
      reader.fail(`the mapping at 0x${start.toString(16)} is not made of pages, or not in order`);
    }
    before = end;
  }
}

function readRegion(reader: ByteReader): StateRegion {
  const address = reader.u64();
  const sizeBytes = reader.u64();
  const pageSize = readPageSize(reader);
  const mask = BigInt(pageSize) - 1n;
  if (sizeBytes === 0n || sizeBytes > BigInt(MAX_IMAGE_BYTES) || ((address | sizeBytes) & mask) !== 0n) {
    reader.fail(`the region at 0x${address.toString(16)} is not made of pages`);
  }
  if (address + sizeBytes > 1n << 64n) reader.fail('a region goes beyond the address space');
  return { address, sizeBytes: Number(sizeBytes), pageSize, copied: reader.flag('copied') };
}

function checkRegions(reader: ByteReader, regions: readonly StateRegion[]): void {
  const sorted = regions.toSorted((one, other) => (one.address < other.address ? -1 : 1));
  let before = 0n;
  for (const { address, sizeBytes } of sorted) {
    if (address < before) reader.fail(`two regions have the page at 0x${address.toString(16)}`);
    before = address + BigInt(sizeBytes);
  }
}

function readThread(reader: ByteReader): ProcessThread {
  const tid = reader.i32();
  const comm = reader.text(15, 'the name of a thread');
  const signalMask = reader.u64();
  const pendingSignals = reader.u64();
  const stopSignal = reader.u32();
  if (stopSignal > SIGNAL_MAX) reader.fail(`there is no signal ${stopSignal}`);
  const siginfo = reader.bytes(SIGINFO_MAX_BYTES, 'siginfo');
  const regsets = readList(reader, REGSETS_MAX, REGSET_MIN_BYTES, 'register sets', () => readRegset(reader));
  return { tid, comm, regsets, signalMask, pendingSignals, siginfo, stopSignal };
}

function readRegset(reader: ByteReader): RegisterSet {
  return { type: reader.u32(), bytes: reader.bytes(REGSET_MAX_BYTES, 'a register set') };
}

function readPageSize(reader: ByteReader): number {
  const pageSize = reader.u32();
  const isPage = pageSize >= MIN_PAGE_SIZE && pageSize <= MAX_PAGE_SIZE && (pageSize & (pageSize - 1)) === 0;
  return isPage ? pageSize : reader.fail(`there are no pages of ${pageSize} bytes`);
}
