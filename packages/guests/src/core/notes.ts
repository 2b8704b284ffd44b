// The PT_NOTE segment: what the kernel writes into a core file, in its order; core(5).
import type { ProcessState, ProcessThread } from '../process/state.ts';
import { fileTable, prpsinfo, prstatus } from './process-notes.ts';

export const NT_PRSTATUS = 1;
export const NT_FPREGSET = 2;
export const NT_PRPSINFO = 3;
export const NT_AUXV = 6;
export const NT_SIGINFO = 0x5349_4749;
export const NT_FILE = 0x4649_4c45;

const SIGINFO_BYTES = 128;
/** Notes of this name are the same on all Unixes … */
const CORE = 'CORE';
/** … and of this one Linux's own: all register sets but the first two. */
const LINUX = 'LINUX';
/** Which register sets are named CORE. */
const CORE_REGSETS: ReadonlySet<number> = new Set([NT_PRSTATUS, NT_FPREGSET]);

export interface Note {
  readonly name: string;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** The leader's registers, the notes of the process, then the other threads. */
export function coreNotes(state: ProcessState): Note[] {
  const [leader, ...others] = leaderFirst(state);
  const ofProcess: Note[] = [
    { name: CORE, type: NT_PRPSINFO, bytes: prpsinfo(state) },
    { name: CORE, type: NT_SIGINFO, bytes: siginfo(leader) },
    { name: CORE, type: NT_AUXV, bytes: state.auxv },
  ];
  const files = fileTable(state.pageSize, state.mappings);
  if (files !== undefined) ofProcess.push({ name: CORE, type: NT_FILE, bytes: files });
  const [status, ...sets] = threadNotes(state, leader);
  return [status!, ...ofProcess, ...sets, ...others.flatMap((thread) => threadNotes(state, thread))];
}

function leaderFirst({ pid, threads }: ProcessState): [ProcessThread, ...ProcessThread[]] {
  const leader = threads.find(({ tid }) => tid === pid) ?? threads[0]!;
  return [leader, ...threads.filter((thread) => thread !== leader)];
}

/** NT_PRSTATUS, then the other register sets in order of their type. */
function threadNotes(state: ProcessState, thread: ProcessThread): Note[] {
  const general = thread.regsets.find(({ type }) => type === NT_PRSTATUS);
  const others = thread.regsets.filter(({ type }) => type !== NT_PRSTATUS);
  others.sort((one, other) => one.type - other.type);
  return [
    { name: CORE, type: NT_PRSTATUS, bytes: prstatus(state, thread, general?.bytes ?? new Uint8Array(0)) },
    ...others.map(({ type, bytes }) => ({ name: CORE_REGSETS.has(type) ? CORE : LINUX, type, bytes })),
  ];
}

function siginfo({ siginfo: bytes, stopSignal }: ProcessThread): Uint8Array {
  const padded = new Uint8Array(SIGINFO_BYTES);
  padded.set(bytes.subarray(0, SIGINFO_BYTES));
  if (bytes.length === 0) new DataView(padded.buffer).setInt32(0, stopSignal, true);
  return padded;
}

/** Each note: lengths of name and content, type, name, content; both padded to 4. */
export function writeNotes(notes: readonly Note[]): Uint8Array {
  const total = notes.reduce((sum, note) => sum + noteBytes(note), 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const note of notes) {
    view.setUint32(at, note.name.length + 1, true);
    view.setUint32(at + 4, note.bytes.length, true);
    view.setUint32(at + 8, note.type, true);
    for (let index = 0; index < note.name.length; index++)
      bytes[at + 12 + index] = note.name.charCodeAt(index);
    bytes.set(note.bytes, at + 12 + pad4(note.name.length + 1));
    at += noteBytes(note);
  }
  return bytes;
}

function noteBytes({ name, bytes }: Note): number {
  return 12 + pad4(name.length + 1) + pad4(bytes.length);
}

function pad4(length: number): number {
  return (length + 3) & ~3;
}
