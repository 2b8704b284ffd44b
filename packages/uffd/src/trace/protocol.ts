import type { TraceErrorCode } from './trace-error.ts';

// The other end is native/trace/protocol.h, which says what the fields mean.

/** Requests of the tracer, by the protocol's number. */
export const COMMAND = {
  stop: 1,
  makeUserfaultfd: 2,
  resume: 3,
  pauseAt: 4,
  continue: 5,
  paused: 6,
  guard: 7,
  unguard: 8,
} as const;

export type Command = (typeof COMMAND)[keyof typeof COMMAND];

/** Places where a test may hold the tracer. */
export const STEP = {
  seized: 1,
  standing: 2,
  injecting: 3,
  userfaultfdMade: 4,
  userfaultfdTaken: 5,
  userfaultfdClosed: 6,
  scratchMapped: 7,
  socketsMade: 8,
  deviceSent: 9,
  deviceReceived: 10,
  restored: 11,
} as const;

export type StepName = keyof typeof STEP;

/** By the protocol's number; 0 is no failure. 12 is our own mistake: a command at the wrong time. */
export const FAILURES: readonly (TraceErrorCode | undefined)[] = [
  undefined,
  'not-permitted',
  'already-traced',
  'exited',
  'not-stopping',
  'seccomp',
  'thirty-two-bit',
  'no-free-fd',
  'userfaultfd-unavailable',
  'no-memory',
  'stopped-too-long',
  'injection-failed',
  'system',
  'system',
];

export interface Reply {
  readonly command: number;
  readonly failure: number;
  readonly errno: number;
  readonly step: number;
  readonly interruptedNs: number;
  readonly stoppedNs: number;
  readonly sharedPendingSignals: bigint;
  readonly threadCount: number;
  readonly statesBytes: number;
}

const REQUEST_BYTES = 8;
export const REPLY_BYTES = 48;

export function encodeRequest(command: Command, argument: number): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, command, true);
  view.setUint32(4, argument, true);
  return bytes;
}

/** @returns undefined for bytes of another length: not a tracer of this version. */
export function decodeReply(bytes: Uint8Array): Reply | undefined {
  if (bytes.byteLength !== REPLY_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    command: view.getUint32(0, true),
    failure: view.getUint32(4, true),
    errno: view.getInt32(8, true),
    step: view.getUint32(12, true),
    interruptedNs: Number(view.getBigInt64(16, true)),
    stoppedNs: Number(view.getBigInt64(24, true)),
    sharedPendingSignals: view.getBigUint64(32, true),
    threadCount: view.getUint32(40, true),
    statesBytes: view.getUint32(44, true),
  };
}
