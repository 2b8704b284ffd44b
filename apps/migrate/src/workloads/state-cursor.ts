import { WorkloadError } from './error.ts';

/**
 * Reads fixed little-endian fields out of a state that a peer sent, and nothing beyond its end.
 *
 * Every length and count has a bound that the caller names; a value beyond it fails before anything is sized by it.
 */
export class StateCursor {
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A whole number from `min` to `max`, stored as a double so that counts beyond 2^32 fit. */
  integer(name: string, min: number, max: number): number {
    const offset = this.#advance(name, 8);
    const value = this.#view.getFloat64(offset, true);
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw invalid(`${name} is ${value}, not a whole number from ${min} to ${max}`, offset);
    }
    return value;
  }

  /** A view into the state of exactly `sizeBytes`; valid as long as the state. */
  bytes(name: string, sizeBytes: number): Uint8Array {
    const offset = this.#advance(name, sizeBytes);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + offset, sizeBytes);
  }

  /** Nothing may follow the last field. */
  end(): void {
    const left = this.#view.byteLength - this.#offset;
    if (left > 0) throw invalid(`${left} bytes too many`, this.#offset);
  }

  #advance(name: string, sizeBytes: number): number {
    const offset = this.#offset;
    if (sizeBytes > this.#view.byteLength - offset) throw invalid(`the state ends before ${name}`, offset);
    this.#offset += sizeBytes;
    return offset;
  }
}

/** The numbers as doubles, then `tail`, in memory of its own: `into`, which is exactly as large, or fresh memory. */
export function packState(
  numbers: readonly number[],
  tail: Uint8Array = new Uint8Array(),
  into?: Buffer,
): Uint8Array {
  const headBytes = numbers.length * Float64Array.BYTES_PER_ELEMENT;
  const bytes = into ?? Buffer.allocUnsafeSlow(headBytes + tail.byteLength);
  numbers.forEach((number, index) => bytes.writeDoubleLE(number, index * Float64Array.BYTES_PER_ELEMENT));
  bytes.set(tail, headBytes);
  return bytes;
}

function invalid(message: string, offset: number): WorkloadError {
  return new WorkloadError('WORKLOAD_STATE_INVALID', message, { offset });
}
