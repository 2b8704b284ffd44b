import native from '#native';
import { argumentError } from './errors.ts';

/** Part of an address space: this process's, or that of the process a userfaultfd came from. */
export interface MemoryRange {
  readonly address: bigint;
  readonly sizeBytes: number | bigint;
}

/** Bytes in a base page of this machine: 4096, on arm64 possibly 16384 or 65536. */
export const pageSize = native.pageSize();

const ADDRESS_END = 1n << 64n;

/** A length or offset as bigint; RangeError unless it is a whole number from 0 to 2^64 − 1. */
export function toSize(value: number | bigint, what: string): bigint {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
    throw argumentError(
      typeof value === 'number' ? RangeError : TypeError,
      `${what} must be a whole number of bytes, not ${String(value)}`,
    );
  }
  const size = BigInt(value);
  if (size < 0n || size >= ADDRESS_END) {
    throw argumentError(RangeError, `${what} must be from 0 to 2^64 - 1, not ${size}`);
  }
  return size;
}

export function toAddress(value: bigint, what: string): bigint {
  if (typeof value !== 'bigint') throw argumentError(TypeError, `${what} must be a bigint`);
  if (value < 0n || value >= ADDRESS_END) {
    throw argumentError(RangeError, `${what} must be from 0 to 2^64 - 1, not ${value}`);
  }
  return value;
}

/** As `toAddress`, and a multiple of the base page. */
export function toPageAddress(value: bigint, what: string): bigint {
  const address = toAddress(value, what);
  if (address % BigInt(pageSize) !== 0n) {
    throw argumentError(
      RangeError,
      `${what} 0x${address.toString(16)} is not a multiple of the page size, ${pageSize}`,
    );
  }
  return address;
}

/** The range with bigint lengths; RangeError when it is empty or goes beyond the address space. */
export function toRange(range: MemoryRange, what: string): { address: bigint; sizeBytes: bigint } {
  const address = toAddress(range.address, `${what}: address`);
  const sizeBytes = toSize(range.sizeBytes, `${what}: sizeBytes`);
  if (sizeBytes === 0n) throw argumentError(RangeError, `${what}: sizeBytes must not be 0`);
  if (address + sizeBytes > ADDRESS_END) {
    throw argumentError(RangeError, `${what}: the range goes beyond the address space`);
  }
  return { address, sizeBytes };
}

/** As `toRange`, and made of whole base pages. */
export function toPageRange(range: MemoryRange, what: string): { address: bigint; sizeBytes: bigint } {
  toPageAddress(range.address, `${what}: address`);
  const checked = toRange(range, what);
  if (checked.sizeBytes % BigInt(pageSize) !== 0n) {
    throw argumentError(
      RangeError,
      `${what}: sizeBytes ${checked.sizeBytes} is not a multiple of the page size, ${pageSize}`,
    );
  }
  return checked;
}

/** A descriptor number; RangeError unless it can be one. */
export function toFd(fd: number, what: string): number {
  return toInteger(fd, what, 0, 0x7fff_ffff);
}

/** A whole number from `min` to `max`. */
export function toInteger(value: number, what: string, min: number, max: number): number {
  if (typeof value !== 'number') throw argumentError(TypeError, `${what} must be a number`);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw argumentError(RangeError, `${what} must be a whole number from ${min} to ${max}, not ${value}`);
  }
  return value;
}
