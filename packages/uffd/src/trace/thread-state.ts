/** One of a thread's sets of registers, as ptrace(2) gives it. */
export interface Regset {
  /** The NT_ number: NT_PRSTATUS 1, NT_FPREGSET 2, NT_X86_XSTATE 0x202, NT_ARM_TLS 0x401 … */
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** A thread as it stood. Signal sets: bit n − 1 is signal n. */
export interface ThreadState {
  readonly tid: number;
  readonly regsets: readonly Regset[];
  /** Blocked signals; inside sigsuspend and the like those that hold outside. */
  readonly signalMask: bigint;
  /** Signals that wait for this thread. */
  readonly pendingSignals: bigint;
  /** Signals that wait for the process. */
  readonly sharedPendingSignals: bigint;
  /** The 128 bytes of siginfo_t of `stopSignal`; empty when there is none. */
  readonly siginfo: Uint8Array;
  /** The signal that it was about to take, and takes when it goes on; 0 when there is none. */
  readonly stopSignal: number;
}

/** sizeof(ThreadRecord), see native/trace/protocol.h. */
const RECORD_BYTES = 40;
const REGSET_HEADER_BYTES = 8;

/** The bytes are our own tracer's, so they are believed. The views share them. */
export function decodeThreadStates(bytes: Uint8Array, sharedPendingSignals: bigint): ThreadState[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const threads: ThreadState[] = [];
  for (let at = 0; at < bytes.byteLength; at += view.getUint32(at, true)) {
    const siginfoBytes = view.getUint32(at + 12, true);
    threads.push({
      tid: view.getInt32(at + 4, true),
      stopSignal: view.getUint32(at + 8, true),
      siginfo: bytes.subarray(at + RECORD_BYTES, at + RECORD_BYTES + siginfoBytes),
      signalMask: view.getBigUint64(at + 16, true),
      pendingSignals: view.getBigUint64(at + 24, true),
      sharedPendingSignals,
      regsets: decodeRegsets(bytes, view, at + RECORD_BYTES + siginfoBytes, view.getUint32(at + 32, true)),
    });
  }
  return threads;
}

function decodeRegsets(bytes: Uint8Array, view: DataView, start: number, count: number): Regset[] {
  const regsets: Regset[] = [];
  for (let i = 0, at = start; i < count; i++) {
    const sizeBytes = view.getUint32(at + 4, true);
    const from = at + REGSET_HEADER_BYTES;
    regsets.push({ type: view.getUint32(at, true), bytes: bytes.subarray(from, from + sizeBytes) });
    at = from + Math.ceil(sizeBytes / 8) * 8;
  }
  return regsets;
}
