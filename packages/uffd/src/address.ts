import native from '#native';
import { argumentError } from './errors.ts';
import { type MemoryRange, pageSize as basePageSize, toInteger, toRange } from './range.ts';

/** A `WebAssembly.Memory`, by its shape. */
export interface WebAssemblyMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
}

/** Memory that JavaScript has. */
export type JsMemory = ArrayBufferView | ArrayBuffer | SharedArrayBuffer | WebAssemblyMemory;

/** The largest huge page of any supported machine: 16 GiB on arm64 with 64 KiB pages. */
const PAGE_SIZE_MAX_BYTES = 2 ** 34;

/**
 * Where the bytes of `memory` are.
 *
 * The answer holds until the memory is detached, transferred, resized, grown (WebAssembly, which may move it) or collected as garbage:
 * the caller keeps a reference to it. TypeError when there is no memory: it is empty or detached.
 */
export function addressOf(memory: JsMemory): { address: bigint; sizeBytes: number } {
  const bytes = bytesOf(memory);
  if (bytes.byteLength === 0) {
    throw argumentError(TypeError, 'the memory is empty or detached: it has no address');
  }
  return { address: native.addressOf(bytes), sizeBytes: bytes.byteLength };
}

/** The same memory as a Uint8Array. Node-API resolves typed arrays only, but those over any kind of buffer. */
export function bytesOf(memory: JsMemory): Uint8Array {
  if (ArrayBuffer.isView(memory)) {
    return new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength);
  }
  if (isBuffer(memory)) return new Uint8Array(memory);
  if (typeof memory === 'object' && memory !== null && isBuffer(memory.buffer)) {
    return new Uint8Array(memory.buffer);
  }
  throw argumentError(
    TypeError,
    'expected a typed array, a DataView, an ArrayBuffer, a SharedArrayBuffer or a WebAssembly.Memory',
  );
}

function isBuffer(value: unknown): value is ArrayBuffer | SharedArrayBuffer {
  return value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

/** Whole pages, and how far into the memory they start. */
export interface WholePages {
  readonly address: bigint;
  readonly sizeBytes: number;
  /** Bytes of the memory before the first whole page. */
  readonly offsetBytes: number;
}

/**
 * The largest run of whole pages inside `memory`, which is what userfaultfd can watch.
 *
 * @param options.pageSize Bytes; a power of two, at least the base page, which is the default. 2 MiB for hugetlb.
 * @param options.exact RangeError instead of leaving out the ends when the memory does not start and end on a page boundary.
 * @throws RangeError when there is no whole page inside.
 */
export function wholePages(
  memory: JsMemory | MemoryRange,
  options: { readonly pageSize?: number; readonly exact?: boolean } = {},
): WholePages {
  const { pageSize = basePageSize, exact = false } = options;
  toInteger(pageSize, 'pageSize', basePageSize, PAGE_SIZE_MAX_BYTES);
  if (!Number.isInteger(Math.log2(pageSize))) {
    throw argumentError(RangeError, `pageSize must be a power of two, not ${pageSize}`);
  }
  const { address, sizeBytes } = toRange(isRange(memory) ? memory : addressOf(memory), 'memory');
  const size = BigInt(pageSize);
  const start = ((address + size - 1n) / size) * size;
  const end = ((address + sizeBytes) / size) * size;
  if (exact && (start !== address || end !== address + sizeBytes)) {
    throw argumentError(
      RangeError,
      `the memory at 0x${address.toString(16)} of ${sizeBytes} bytes is not made of whole pages of ${pageSize} bytes`,
    );
  }
  if (end <= start) {
    throw argumentError(
      RangeError,
      `the memory at 0x${address.toString(16)} of ${sizeBytes} bytes holds no whole page of ${pageSize} bytes; ` +
        `any ${2 * pageSize - 1} bytes do`,
    );
  }
  return { address: start, sizeBytes: Number(end - start), offsetBytes: Number(start - address) };
}

function isRange(value: JsMemory | MemoryRange): value is MemoryRange {
  return typeof value === 'object' && value !== null && 'address' in value && 'sizeBytes' in value;
}
