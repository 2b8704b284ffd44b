/* oxlint-disable no-await-in-loop -- one write after the other */

/** A file, or something that takes bytes as one; injected so that it can be made to fail. */
export interface TraceFile {
  /** May write less than all. */
  write(bytes: Buffer): Promise<{ readonly bytesWritten: number }>;
  close(): Promise<void>;
}

/** What waits for the disk at most: some ten thousand steps. */
const TRACE_PENDING_MAX_BYTES = 8 * 2 ** 20;

/** Lines are written in lots of this much, or as old as this, so that a step costs no system call. */
const LOT_BYTES = 64 * 1024;
const LOT_MS = 100;

export interface TraceWriterOptions {
  readonly file: TraceFile;
  /** Called once, when the file cannot be written any more. */
  readonly onFailure: (error: unknown) => void;
  readonly pendingMaxBytes?: number;
}

/**
 * Lines to a file, in the background and in bounded memory. Nothing here waits for the disk or throws: what does not fit is left out and
 * counted, and after a failure everything is.
 */
export class TraceWriter {
  readonly #options: TraceWriterOptions;
  readonly #pendingMaxBytes: number;
  #pending: string[] = [];
  #pendingBytes = 0;
  #writingBytes = 0;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hasFailed = false;
  #skipped = 0;
  #skippedTotal = 0;

  constructor(options: TraceWriterOptions) {
    this.#options = options;
    this.#pendingMaxBytes = options.pendingMaxBytes ?? TRACE_PENDING_MAX_BYTES;
  }

  /** Lines that were left out. */
  get skipped(): number {
    return this.#skippedTotal;
  }

  line(value: object): void {
    if (this.#hasFailed) return;
    const text = `${JSON.stringify(value)}\n`;
    // All of it is ASCII, but for names: near enough for a bound.
    if (this.#pendingBytes + this.#writingBytes + text.length > this.#pendingMaxBytes) {
      this.#skipped += 1;
      this.#skippedTotal += 1;
      return;
    }
    this.#closeGap();
    this.#add(text);
    if (this.#pendingBytes >= LOT_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), LOT_MS).unref();
  }

  /** Writes what is left, `last` behind it, and closes the file. */
  async end(last?: object): Promise<void> {
    this.#closeGap();
    if (last !== undefined) this.#add(`${JSON.stringify(last)}\n`);
    this.#flush();
    await this.#writing;
    clearTimeout(this.#timer);
    try {
      await this.#options.file.close();
    } catch (error) {
      this.#fail(error);
    }
  }

  #closeGap(): void {
    if (this.#skipped === 0) return;
    this.#add(`${JSON.stringify({ type: 'gap', steps: this.#skipped })}\n`);
    this.#skipped = 0;
  }

  #add(text: string): void {
    this.#pending.push(text);
    this.#pendingBytes += text.length;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    try {
      while (this.#pending.length > 0 && !this.#hasFailed) {
        let rest = Buffer.from(this.#pending.join(''));
        this.#pending = [];
        this.#pendingBytes = 0;
        this.#writingBytes = rest.byteLength;
        while (rest.byteLength > 0) {
          const { bytesWritten } = await this.#options.file.write(rest);
          rest = rest.subarray(bytesWritten);
        }
        this.#writingBytes = 0;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#options.onFailure(error);
  }
}
