/* oxlint-disable no-await-in-loop -- a connection does one thing after the other */
import {
  chooseVersion,
  ControlEncoder,
  features,
  type Hello,
  type HelloFrame,
  type MigrationBatch,
  type MigrationDecoder,
  type MigrationFrame,
  ownHello,
  PageStreamError,
  type StreamLimits,
} from '@stillframe/page-stream';
import { type Clock, type Transport, within } from '@stillframe/snapshot';
import { MigrationError } from '../error.ts';
import type { MigrationTimeouts } from './timeouts.ts';

export interface LinkOptions {
  readonly transport: Transport;
  readonly role: Hello['role'];
  readonly decoder: MigrationDecoder;
  readonly clock: Clock;
  readonly timeouts: MigrationTimeouts;
  readonly limits?: Partial<StreamLimits>;
}

/** For a last word and a close in good order. */
const LAST_WORD_MS = 1000;
const DRAIN_BYTES = 64 * 1024;

/**
 * One connection of a migration: frames in, buffers out.
 *
 * Ordering: what is sent is written in the order of the calls, one write at a time. `receive` is called once.
 */
export class MigrationLink {
  readonly control = new ControlEncoder();
  readonly decoder: MigrationDecoder;
  readonly #options: LinkOptions;
  readonly #peer: string;
  #writing: Promise<void> = Promise.resolve();
  #isBroken = false;
  /** Somebody else reads, or waits for something to read. */
  #isReading = false;
  #sentBytes = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.decoder = options.decoder;
    this.#peer = options.role === 'source' ? 'destination' : 'source';
  }

  /** Bytes that the transport has taken. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Says HELLO, and resolves with the other side's: as the first of all frames. `onFrame` gets all others, in order, awaited. */
  async open(onFrame: (frame: MigrationFrame) => void | Promise<void>): Promise<{
    readonly hello: HelloFrame;
    /** Ends when the connection does; rejects with MigrationError. */
    readonly receive: () => Promise<void>;
  }> {
    const { role, limits, timeouts } = this.#options;
    const ours = ownHello(role, limits, features.MIGRATION);
    await this.send([this.control.hello(ours)]);
    const frames = this.#frames();
    const { value: hello } = await frames.next();
    if (hello?.type !== 'hello') throw this.lost(`it said nothing for ${timeouts.helloMs} ms`);
    this.#agree(() => chooseVersion(ours, hello));
    if ((hello.features & features.MIGRATION) === 0) {
      throw new MigrationError('version-mismatch', `the ${this.#peer} cannot migrate guests`);
    }
    return {
      hello,
      receive: async () => {
        for await (const frame of frames) await onFrame(frame);
      },
    };
  }

  /** Resolves when the transport has taken all. Rejects with `peer-lost`. */
  send(buffers: readonly Uint8Array[]): Promise<void> {
    const before = this.#writing;
    const writing = this.#write(before, buffers);
    this.#writing = writing.catch(() => undefined);
    return writing;
  }

  lost(why: string, cause?: unknown): MigrationError {
    return new MigrationError('peer-lost', `the ${this.#peer} was lost: ${why}`, { cause });
  }

  /** Tries to say one more thing, and closes in good order. Never fails, never waits long. */
  async close(lastWord: readonly Uint8Array[] = []): Promise<void> {
    const { clock, transport } = this.#options;
    const polite = async () => {
      if (lastWord.length > 0 && !this.#isBroken) await this.send(lastWord);
      await this.#writing;
      await transport.end();
      if (lastWord.length > 0) await this.#drain();
    };
    await within(clock, LAST_WORD_MS, polite(), () => new Error('too slow')).catch(() => undefined);
  }

  /** Drops the connection. Idempotent. */
  async destroy(): Promise<void> {
    this.#isBroken = true;
    await this.#options.transport.destroy();
  }

  /**
   * Reads on, to no purpose, until the other side has closed: a connection that is closed with bytes unread is reset, and the last word may
   * be lost with it.
   */
  async #drain(): Promise<void> {
    const scratch = new Uint8Array(DRAIN_BYTES);
    while (!this.#isReading && (await this.#options.transport.read(scratch)) > 0);
  }

  async #write(before: Promise<void>, buffers: readonly Uint8Array[]): Promise<void> {
    await before;
    if (this.#isBroken) throw this.lost('the connection is closed');
    const { clock, timeouts, transport } = this.#options;
    const onTimeout = () => this.lost(`it took nothing for ${timeouts.writeMs} ms`);
    try {
      await within(clock, timeouts.writeMs, transport.write(buffers), onTimeout);
    } catch (error) {
      // What is written next might land in the middle of a frame.
      this.#isBroken = true;
      void transport.destroy();
      throw error instanceof MigrationError ? error : this.lost(messageOf(error), error);
    }
    for (const { byteLength } of buffers) this.#sentBytes += byteLength;
  }

  async *#frames(): AsyncGenerator<MigrationFrame> {
    const { transport } = this.#options;
    let said = false;
    for (;;) {
      const byteCount = await this.#read(transport, said);
      if (byteCount === 0) return this.#finish();
      const batch: MigrationBatch = this.#believe(() => this.decoder.wrote(byteCount));
      for (const frame of batch.frames) {
        said = true;
        if (frame.type === 'abort') throw this.#gaveUp(frame.code, frame.message);
        yield frame;
      }
      if (batch.error !== undefined)
        this.#believe(() => {
          throw batch.error;
        });
    }
  }

  async #read(transport: Transport, said: boolean): Promise<number> {
    const { clock, timeouts, role } = this.#options;
    this.#isReading = true;
    const reading = transport.read(this.decoder.writable()).finally(() => {
      this.#isReading = false;
    });
    const limitMs = !said ? timeouts.helloMs : role === 'destination' ? timeouts.silenceMs : undefined;
    try {
      if (limitMs === undefined || this.#isPatient) return await reading;
      return await within(clock, limitMs, reading, () => this.lost(`it said nothing for ${limitMs} ms`));
    } catch (error) {
      throw error instanceof MigrationError ? error : this.lost(messageOf(error), error);
    }
  }

  #isPatient = false;

  /** From now on the other side may be silent for as long as it likes: whoever waits for an answer has a limit of its own. */
  bePatient(isPatient = true): void {
    this.#isPatient = isPatient;
  }

  #finish(): void {
    this.#believe(() => this.decoder.finish());
  }

  #gaveUp(code: string, message: string): MigrationError {
    const ours = this.#options.role === 'source' ? 'peer-refused' : 'peer-aborted';
    return new MigrationError(ours, `the ${this.#peer} gave up: ${message === '' ? code : message}`, {
      operands: { peerCode: code },
    });
  }

  #agree(choose: () => number): void {
    this.#believe(choose);
  }

  #believe<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof PageStreamError)) throw error;
      if (error.code === 'STREAM_TRUNCATED') throw this.lost('it closed the connection', error);
      const isVersion = error.code === 'STREAM_VERSION' || error.code === 'STREAM_FEATURE';
      throw new MigrationError(isVersion ? 'version-mismatch' : 'corrupt-stream', error.message, {
        operands: { streamCode: error.code, byteOffset: error.offset },
        hint: error.hint,
        cause: error,
      });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
