import { RespError } from './resp-error.ts';
import { RESP_LINE_MAX_BYTES } from './resp-limits.ts';

const CR = 0x0d;
const LF = 0x0a;

/** What of a connection has arrived and is not taken yet, read line by line and by length. */
export class RespBuffer {
  #bytes = Buffer.alloc(0);
  #at = 0;

  get buffered(): number {
    return this.#bytes.length - this.#at;
  }

  /** Where reading stands; for `back`, when the rest of something has not arrived. */
  get position(): number {
    return this.#at;
  }

  push(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  back(position: number): void {
    this.#at = position;
  }

  /** The type of what comes, a character; undefined when nothing has arrived. */
  peek(): string | undefined {
    return this.buffered === 0 ? undefined : String.fromCharCode(this.#bytes[this.#at]!);
  }

  /** Up to the end of the line, which may be a bare LF; undefined when it has not arrived. */
  line(): string | undefined {
    const end = this.#bytes.indexOf(LF, this.#at);
    const length = (end < 0 ? this.#bytes.length : end) - this.#at;
    if (length > RESP_LINE_MAX_BYTES) throw new RespError('too long a line', this.#at);
    if (end < 0) return undefined;
    const last = end > this.#at && this.#bytes[end - 1] === CR ? end - 1 : end;
    const text = this.#bytes.toString('latin1', this.#at, last);
    this.#at = end + 1;
    return text;
  }

  /** `length` bytes and the end of the line behind them, as a copy; undefined when they have not arrived. */
  bulk(length: number): Buffer | undefined {
    const end = this.#at + length;
    if (end + 2 > this.#bytes.length) return undefined;
    if (this.#bytes[end] !== CR || this.#bytes[end + 1] !== LF) {
      throw new RespError('a string does not end where it should', end);
    }
    const bytes = Buffer.from(this.#bytes.subarray(this.#at, end));
    this.#at = end + 2;
    return bytes;
  }
}

/** The decimal number behind the type character of `line`. */
export function respInteger(line: string, min: number, max: number, offset: number): number {
  const digits = line.slice(1);
  const value = /^-?\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new RespError(`${JSON.stringify(line.slice(0, 32))} is no number from ${min} to ${max}`, offset);
  }
  return value;
}
