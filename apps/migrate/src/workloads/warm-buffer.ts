/**
 * Memory for a copy that must be quick, touched ahead of time.
 *
 * The first touch of fresh memory costs the kernel several times as much as the copy itself.
 */
export class WarmBuffer {
  readonly #sizeBytes: number;
  #spare: Buffer | undefined;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.warm();
  }

  /** Hands the buffer over for good; a cold one when none is warm. */
  take(): Buffer {
    const buffer = this.#spare ?? Buffer.allocUnsafeSlow(this.#sizeBytes);
    this.#spare = undefined;
    return buffer;
  }

  /** Makes the next one ready, at a time when nobody waits. */
  warm(): void {
    // Zeros alone would be mapped without being touched.
    this.#spare ??= Buffer.allocUnsafeSlow(this.#sizeBytes).fill(1);
  }
}
