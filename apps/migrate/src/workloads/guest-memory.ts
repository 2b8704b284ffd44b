import { addressOf } from '@stillframe/uffd';
import { WorkloadError } from './error.ts';
import { createWasmMemory } from './wasm-memory.ts';
import type { MemoryRange } from './workload.ts';

export const GUEST_PAGE_BYTES = 4096;
/** WebAssembly memory comes in pages of 64 KiB. */
export const WASM_PAGE_BYTES = 65_536;
/** What a 32-bit WebAssembly memory can hold. */
export const MAX_WASM_BYTES = 65_536 * WASM_PAGE_BYTES;

/** Guest memory that all threads of this process see: page-aligned, and zero until written. `sizeBytes` is a multiple of 64 KiB. */
export function allocateGuestMemory(sizeBytes: number): Uint8Array<SharedArrayBuffer> {
  const pages = sizeBytes / WASM_PAGE_BYTES;
  try {
    const { buffer } = createWasmMemory({ initial: pages, maximum: pages, shared: true });
    if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError('a shared memory is not shared');
    return new Uint8Array(buffer);
  } catch (cause) {
    throw new WorkloadError('WORKLOAD_START', `no memory for a guest of ${sizeBytes} bytes`, { cause });
  }
}

export function memoryRange(name: string, view: Uint8Array<SharedArrayBuffer>): MemoryRange {
  return {
    name,
    address: addressOf(view).address,
    sizeBytes: view.byteLength,
    pageSize: GUEST_PAGE_BYTES,
    view,
  };
}
