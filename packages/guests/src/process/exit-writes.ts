import { robustListHead, type ThreadState } from '@stillframe/uffd';
import type { MemoryFiles } from './memory-files.ts';
import type { AddressRange } from './ranges.ts';

// When a thread ends, the kernel itself writes to memory of the process: it clears the number of the thread where set_tid_address(2) says,
// which wakes who joins it, and marks the robust futexes that it holds. These writes do not wait for a userfaultfd: on an armed page they
// fail, and who waits for them waits for ever. So such pages are not armed.

const NT_PRSTATUS = 1;
const NT_ARM_TLS = 0x401;
/** fs_base in struct user_regs_struct. */
const X86_THREAD_POINTER = { type: NT_PRSTATUS, offset: 168 };
const ARM_THREAD_POINTER = { type: NT_ARM_TLS, offset: 0 };

/** The C libraries keep the number in what they know of a thread, next to the thread pointer: glibc's is 2304 bytes. */
const THREAD_BYTES = 4096n;

/** struct robust_list_head: next, futex_offset, list_op_pending. */
const HEAD_BYTES = 24;
/** Held by one thread; the kernel itself stops at 2048. */
const FUTEXES_MAX = 2048;

export interface ExitWritesOptions {
  readonly arch: string;
  readonly files: Pick<MemoryFiles, 'read'>;
  /** Of a thread; its own in tests. */
  readonly robustList?: (tid: number) => bigint | undefined;
}

/** Where the kernel may write when one of the threads ends; in no order. While they stand still. */
export function exitWrites(threads: readonly ThreadState[], options: ExitWritesOptions): AddressRange[] {
  const { robustList = robustListHead } = options;
  return threads.flatMap((thread) => {
    const head = robustList(thread.tid);
    return [
      ...aroundThreadPointer(thread, options.arch),
      ...(head === undefined ? [] : robustFutexes(head, options.files)),
    ];
  });
}

function aroundThreadPointer({ regsets }: ThreadState, arch: string): AddressRange[] {
  const place = arch === 'aarch64' ? ARM_THREAD_POINTER : X86_THREAD_POINTER;
  const bytes = regsets.find(({ type }) => type === place.type)?.bytes;
  if (bytes === undefined || bytes.byteLength < place.offset + 8) return [];
  const pointer = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(place.offset, true);
  if (pointer === 0n) return [];
  // On aarch64 the thread's own data lies before it.
  const start = arch === 'aarch64' ? pointer - THREAD_BYTES : pointer;
  return [{ start, end: start + THREAD_BYTES }];
}

/** Its head, and the futexes that the thread holds. */
function robustFutexes(head: bigint, files: Pick<MemoryFiles, 'read'>): AddressRange[] {
  const found: AddressRange[] = [{ start: head, end: head + BigInt(HEAD_BYTES) }];
  const words = new BigUint64Array(3);
  if (files.read(head, new Uint8Array(words.buffer)) < HEAD_BYTES) return found;
  const [first = 0n, offset = 0n, pending = 0n] = words;
  const add = (entry: bigint): void => {
    const futex = BigInt.asUintN(64, (entry & ~1n) + offset);
    found.push({ start: futex, end: futex + 4n });
  };
  if (pending !== 0n) add(pending);
  const next = new BigUint64Array(1);
  // The lowest bit of a pointer says something about the futex.
  for (let entry = first & ~1n, count = 0; entry !== head && entry !== 0n && count < FUTEXES_MAX; count++) {
    add(entry);
    if (files.read(entry, new Uint8Array(next.buffer)) < 8) break;
    entry = next[0]! & ~1n;
  }
  return found;
}
