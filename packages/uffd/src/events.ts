import type { Userfaultfd } from './userfaultfd.ts';

/** A thread touched a watched page and sleeps until the page is resolved and it is woken. May be repeated, or concern nobody any more. */
export interface PagefaultEvent {
  readonly kind: 'pagefault';
  /** Start of the page; the exact address with the feature EXACT_ADDRESS. */
  readonly address: bigint;
  /** `missing`: there is no page. `wp`: a write to an armed page. `minor`: the page exists, but is not mapped. */
  readonly reason: 'missing' | 'wp' | 'minor';
  /** Whether the access was a write. */
  readonly write: boolean;
  /** With the feature THREAD_ID, otherwise null. */
  readonly threadId: number | null;
  /** As the kernel gave them. */
  readonly flags: bigint;
}

/** The process forked. `child` watches the child's copy of the ranges; it is the reader's to close. */
export interface ForkEvent {
  readonly kind: 'fork';
  readonly child: Userfaultfd;
}

/** mremap moved pages that are watched; they stay registered at the new place. */
export interface RemapEvent {
  readonly kind: 'remap';
  readonly from: bigint;
  readonly to: bigint;
  readonly sizeBytes: bigint;
}

/** The owner discarded pages (`remove`: madvise DONTNEED or REMOVE) or unmapped them. The pages are already gone. */
export interface RangeEvent {
  readonly kind: 'remove' | 'unmap';
  readonly address: bigint;
  readonly sizeBytes: bigint;
}

/** Of a kernel newer than this package. */
export interface UnknownEvent {
  readonly kind: 'unknown';
  readonly number: number;
}

export type UffdEvent = PagefaultEvent | ForkEvent | RemapEvent | RangeEvent | UnknownEvent;

/** Bytes in one message: sizeof(struct uffd_msg). */
export const MESSAGE_BYTES = 32;

const EVENT_PAGEFAULT = 0x12;
const EVENT_FORK = 0x13;
const EVENT_REMAP = 0x14;
const EVENT_REMOVE = 0x15;
const EVENT_UNMAP = 0x16;

const FLAG_WRITE = 1n << 0n;
const FLAG_WP = 1n << 1n;
const FLAG_MINOR = 1n << 2n;

/** The messages in `bytes`, whose length is a multiple of `MESSAGE_BYTES`. `adopt` takes over a fork event's descriptor. */
export function decodeEvents(bytes: Uint8Array, adopt: (fd: number) => Userfaultfd): UffdEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const events: UffdEvent[] = [];
  for (let at = 0; at < bytes.byteLength; at += MESSAGE_BYTES) events.push(decodeEvent(view, at, adopt));
  return events;
}

function decodeEvent(view: DataView, at: number, adopt: (fd: number) => Userfaultfd): UffdEvent {
  const number = view.getUint8(at);
  const word = (index: number): bigint => view.getBigUint64(at + 8 + 8 * index, true);
  switch (number) {
    case EVENT_PAGEFAULT: {
      const flags = word(0);
      const threadId = view.getUint32(at + 24, true);
      return {
        kind: 'pagefault',
        address: word(1),
        reason: (flags & FLAG_WP) !== 0n ? 'wp' : (flags & FLAG_MINOR) !== 0n ? 'minor' : 'missing',
        write: (flags & FLAG_WRITE) !== 0n,
        threadId: threadId === 0 ? null : threadId,
        flags,
      };
    }
    case EVENT_FORK:
      return { kind: 'fork', child: adopt(view.getUint32(at + 8, true)) };
    case EVENT_REMAP:
      return { kind: 'remap', from: word(0), to: word(1), sizeBytes: word(2) };
    case EVENT_REMOVE:
      return { kind: 'remove', address: word(0), sizeBytes: word(1) - word(0) };
    case EVENT_UNMAP:
      return { kind: 'unmap', address: word(0), sizeBytes: word(1) - word(0) };
    default:
      return { kind: 'unknown', number };
  }
}
