import { PageStreamError, type PageStreamErrorCode } from './error.ts';
import { FRAME_HEADER_BYTES, type FrameHeader, frameTypeName } from './frame-header.ts';
import { decodeText } from './text.ts';
import { getU64, pad8 } from './u64.ts';

/** The fields of one payload. Positions count from its start; errors carry the offset in the stream. */
export class Payload {
  readonly header: FrameHeader;
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(header: FrameHeader, bytes: Uint8Array) {
    this.header = header;
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.byteLength;
  }

  /** With bytes of its own. */
  copy(): Payload {
    return new Payload(this.header, this.bytes.slice());
  }

  u16(at: number): number {
    return this.#view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  /** Throws STREAM_BAD_VALUE above 2^53 - 1. */
  u64(at: number): number {
    return this.maybeU64(at) ?? this.fail('STREAM_BAD_VALUE', at, 'number above 2^53 - 1');
  }

  maybeU64(at: number): number | undefined {
    return getU64(this.#view, at);
  }

  /** [low, high] of a u64 that is not a count. */
  bits64(at: number): Uint32Array {
    return Uint32Array.of(this.u32(at), this.u32(at + 4));
  }

  /** A string of `length` bytes; its padding is checked by `reserved`. */
  text(at: number, length: number): string {
    const text = decodeText(this.bytes.subarray(at, at + length));
    return text ?? this.fail('STREAM_BAD_STRING', at, 'not UTF-8, or with control characters');
  }

  /** Reserved bytes and padding are zero. */
  reserved(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      if (this.bytes[i] !== 0) this.fail('STREAM_RESERVED', from, 'reserved bytes are not zero');
    }
  }

  /** The padding after a field that ends at `end`. */
  padding(end: number): void {
    this.reserved(end, pad8(end));
  }

  expectLength(length: number): void {
    if (this.length !== length) this.failLength(`${this.length} bytes, layout needs ${length}`);
  }

  expectAtLeast(length: number): void {
    if (this.length < length) this.failLength(`${this.length} bytes, layout needs ${length} or more`);
  }

  expectWithin(value: number, max: number, limit: string, at: number): void {
    if (value > max) this.fail('STREAM_LIMIT', at, `${value} is above ${limit}, which is ${max}`);
  }

  failLength(message: string): never {
    const { offset, type } = this.header;
    throw new PageStreamError('STREAM_BAD_LENGTH', offset + 8, `${frameTypeName(type)}: ${message}`);
  }

  fail(code: PageStreamErrorCode, at: number, message: string): never {
    const { offset, type } = this.header;
    throw new PageStreamError(code, offset + FRAME_HEADER_BYTES + at, `${frameTypeName(type)}: ${message}`);
  }
}
