import type { PageStreamErrorCode } from '../src/error.ts';

/** What the reference decoder throws: it shares no code with the decoder under test. */
export class Refused extends Error {
  readonly code: PageStreamErrorCode;
  readonly offset: number;
  constructor(code: PageStreamErrorCode, offset: number) {
    super(`${code}@${offset}`);
    this.code = code;
    this.offset = offset;
  }
}

export function refuse(code: PageStreamErrorCode, offset: number): never {
  throw new Refused(code, offset);
}

/** The little-endian number of `size` bytes at `at`. */
export function number(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i] ?? 0);
  return value;
}

/** A number that is known to be small enough. */
export function small(bytes: Uint8Array, at: number, size: number): number {
  return Number(number(bytes, at, size));
}

/** A u64 that counts something. */
export function count(bytes: Uint8Array, at: number): number {
  const value = number(bytes, at, 8);
  if (value > 2n ** 53n - 1n) refuse('STREAM_BAD_VALUE', at);
  return Number(value);
}

export function zeros(bytes: Uint8Array, from: number, to: number): void {
  if (bytes.subarray(from, to).some((byte) => byte !== 0)) refuse('STREAM_RESERVED', from);
}

export function pad8(length: number): number {
  return length + ((8 - (length % 8)) % 8);
}

export function string(bytes: Uint8Array, from: number, to: number): string {
  const text = Buffer.from(bytes.subarray(from, to)).toString('utf8');
  if (!Buffer.from(text).equals(bytes.subarray(from, to))) refuse('STREAM_BAD_STRING', from);
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0x20 || (point >= 0x7f && point <= 0x9f)) refuse('STREAM_BAD_STRING', from);
  }
  return text;
}
