import { ProcessGuestError } from './error.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads what `ByteWriter` wrote, believing nothing (I-6): a length is compared with what is there before anything is made of it. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** A number of entries that have at least `entryBytes` each. */
  count(max: number, entryBytes: number, what: string): number {
    const count = this.u32();
    if (count > max) this.fail(`${count} ${what}, at most ${max} are possible`);
    if (count * entryBytes > this.#bytes.length - this.#at) this.fail(`${count} ${what} do not fit`);
    return count;
  }

  /** A copy. */
  bytes(maxBytes: number, what: string): Uint8Array {
    return this.#lengthAndBytes(maxBytes, what).slice();
  }

  text(maxBytes: number, what: string): string {
    const bytes = this.#lengthAndBytes(maxBytes, what);
    try {
      return decoder.decode(bytes);
    } catch {
      return this.fail(`${what} is not UTF-8`);
    }
  }

  /** One of a fixed list, by position. */
  oneOf<T>(values: readonly T[], what: string): T {
    const value = values[this.u8()];
    return value === undefined ? this.fail(`${what} is unknown`) : value;
  }

  flag(what: string): boolean {
    const value = this.u8();
    if (value > 1) this.fail(`${what} is ${value}, not 0 or 1`);
    return value === 1;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) this.fail(`${this.#bytes.length - this.#at} bytes are left over`);
  }

  fail(message: string): never {
    throw new ProcessGuestError(
      'PROCESS_STATE_INVALID',
      `the state of the process is wrong at byte ${this.#at}: ${message}`,
      {
        operands: { byteOffset: this.#at },
      },
    );
  }

  #lengthAndBytes(maxBytes: number, what: string): Uint8Array {
    const length = this.u32();
    if (length > maxBytes) this.fail(`${what} has ${length} bytes, at most ${maxBytes} are possible`);
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  #take(sizeBytes: number): number {
    const at = this.#at;
    if (sizeBytes > this.#bytes.length - at) this.fail('it ends too early');
    this.#at += sizeBytes;
    return at;
  }
}
