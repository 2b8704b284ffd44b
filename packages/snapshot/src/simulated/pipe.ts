/** One direction of a connection: bytes in order, a bounded buffer, and an end. */
export class Pipe {
  readonly #capacityBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #bufferedBytes = 0;
  #isEnded = false;
  #broken: Error | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Resolves when the buffer has taken all bytes, which may need a reader. */
  async write(bytes: readonly Uint8Array[]): Promise<void> {
    for (const chunk of bytes) {
      for (let at = 0; at < chunk.byteLength; ) {
        // oxlint-disable-next-line no-await-in-loop -- the buffer takes a part at a time
        const room = await this.#room();
        const part = chunk.slice(at, at + room);
        this.#chunks.push(part);
        this.#bufferedBytes += part.byteLength;
        at += part.byteLength;
        this.#wake();
      }
    }
  }

  async read(into: Uint8Array): Promise<number> {
    await this.#until(() => this.#bufferedBytes > 0 || this.#isEnded);
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return 0;
    const taken = Math.min(chunk.byteLength, into.byteLength);
    into.set(chunk.subarray(0, taken));
    if (taken < chunk.byteLength) this.#chunks.unshift(chunk.subarray(taken));
    this.#bufferedBytes -= taken;
    this.#wake();
    return taken;
  }

  /** What is buffered can still be read. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Everybody who waits here, or comes later, gets `error`. */
  break(error: Error): void {
    this.#broken ??= error;
    this.#wake();
  }

  async #room(): Promise<number> {
    await this.#until(() => this.#bufferedBytes < this.#capacityBytes);
    if (this.#isEnded) throw new Error('written after the end');
    return this.#capacityBytes - this.#bufferedBytes;
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (this.#broken === undefined && !isTrue()) {
      // oxlint-disable-next-line no-await-in-loop -- woken for any change
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    if (this.#broken !== undefined) throw this.#broken;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
