import {
  type Ack,
  type AnnouncedLimits,
  ControlEncoder,
  formatLimits,
  ownHello,
  PageStreamDecoder,
  PageStreamError,
} from '@stillframe/page-stream';
import { type Clock, monotonicClock } from '../clock.ts';
import { SnapshotError } from '../error.ts';
import { Interruption } from '../interruption.ts';
import { readFrames } from '../receive/read-frames.ts';
import type { Sink } from '../sink.ts';
import { asStreamFailure } from '../stream-failure.ts';
import { abortFrame } from './abort-frame.ts';
import { LAST_WORD_MS, type PeerTimeouts, peerTimeouts, within } from './limits.ts';
import { PeerLink } from './peer-link.ts';
import { SourceTalk } from './source-talk.ts';
import type { Transport } from './transport.ts';

export interface PeerOptions {
  /** Owned from here on: ended or destroyed on every path. */
  readonly transport: Transport;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** Over the defaults. */
  readonly timeouts?: Partial<PeerTimeouts>;
}

/** A destination as a sink: `end` resolves when it has confirmed that it has the image. */
export interface PeerSink extends Sink {
  /** For `takeSnapshot`. */
  readonly readerLimits: AnnouncedLimits;
  /** Feature bits that the destination reads, for `agreeChunks`. */
  readonly readerFeatures: number;
  /** What the destination confirmed; undefined until `end` has resolved. */
  readonly ack: Ack | undefined;
}

/**
 * Says HELLO and waits for the destination's. Rejects with `peer-lost`, `peer-refused`, `version-mismatch`, `corrupt-stream` or
 * `aborted`; the connection is destroyed then.
 */
export async function openPeerSink(options: PeerOptions): Promise<PeerSink> {
  const sink = new DestinationSink(options);
  try {
    await sink.greet(options.signal);
    return sink;
  } catch (error) {
    await sink.abort(error);
    throw error;
  }
}

class DestinationSink implements PeerSink {
  readonly #link: PeerLink;
  readonly #timeouts: PeerTimeouts;
  readonly #control = new ControlEncoder();
  readonly #hello = ownHello('source');
  readonly #talk = new SourceTalk(this.#hello);
  /** Ends every wait: the destination refused, or was lost, or `abort` was called. */
  readonly #interruption = new Interruption('the transfer');
  readonly #listening: Promise<void>;
  readonly #greeted: Promise<void>;
  readonly #acknowledged: Promise<void>;
  #onStage: Partial<Record<string, () => void>> = {};
  #hasGreeted = false;
  #isPeerGone = false;
  #isOver = false;

  constructor({ transport, clock = monotonicClock, timeouts }: PeerOptions) {
    this.#link = new PeerLink(transport, clock);
    this.#timeouts = { ...peerTimeouts, ...timeouts };
    this.#greeted = this.#reaching('stream');
    this.#acknowledged = this.#reaching('done');
    this.#listening = this.#listen();
  }

  get readerLimits(): AnnouncedLimits {
    return this.#talk.readerLimits ?? formatLimits;
  }

  get readerFeatures(): number {
    return this.#talk.readerFeatures;
  }

  get ack(): Ack | undefined {
    return this.#talk.ack;
  }

  async greet(signal: AbortSignal | undefined): Promise<void> {
    const forget = signal === undefined ? undefined : this.#interruption.follow(signal);
    try {
      await this.#write([this.#control.hello(this.#hello)], this.#timeouts.helloMs);
      this.#hasGreeted = true;
      await this.#hear(this.#greeted, this.#timeouts.helloMs, 'it did not say HELLO');
    } finally {
      forget?.();
    }
  }

  write(iovecs: readonly Uint8Array[]): Promise<void> {
    return this.#write(iovecs, this.#timeouts.writeMs);
  }

  async end(): Promise<void> {
    this.#interruption.check();
    this.#talk.ended();
    await this.#hear(this.#acknowledged, this.#timeouts.ackMs, 'it did not confirm the image');
    this.#isOver = true;
    // The image is where it belongs; how the connection closes does not matter any more.
    await this.#link.close();
  }

  async abort(reason: unknown): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#interruption.interrupt(this.#talk.aborted(reason));
    // HELLO is the first word of a side, so one that has not said it has no last word.
    if (this.#hasGreeted && !this.#isPeerGone) await this.#link.lastWord(abortFrame(this.#control, reason));
    await this.#link.transport.destroy();
    await this.#listening;
  }

  async #write(iovecs: readonly Uint8Array[], limitMs: number): Promise<void> {
    this.#interruption.check();
    try {
      const onTimeout = () => this.#talk.lost(`it took nothing for ${limitMs} ms`);
      await this.#interruption.race(this.#link.write(iovecs, limitMs, onTimeout));
    } catch (error) {
      if (error instanceof SnapshotError) throw error;
      throw await this.#explain(error);
    }
  }

  /** A broken write does not say why; the destination's last word may have arrived before it. */
  async #explain(cause: unknown): Promise<unknown> {
    this.#isPeerGone = true;
    const lost = this.#talk.lost(messageOf(cause), cause);
    await within(this.#link.clock, LAST_WORD_MS, this.#listening, () => lost).catch(() => {});
    this.#interruption.interrupt(lost);
    return this.#interruption.error;
  }

  async #hear(word: Promise<void>, limitMs: number, without: string): Promise<void> {
    const onTimeout = () => this.#talk.lost(`${without} within ${limitMs} ms`);
    // The interruption ends the wait, too: its timer would keep the process alive for as long as the limit.
    await within(this.#link.clock, limitMs, this.#interruption.race(word), onTimeout);
  }

  async #listen(): Promise<void> {
    const decoder = new PageStreamDecoder({ from: 'destination' });
    try {
      for await (const frame of readFrames(this.#link.transport, decoder)) {
        this.#talk.take(frame);
        this.#onStage[this.#talk.stage]?.();
        if (this.#talk.stage === 'done') return;
      }
    } catch (error) {
      this.#isPeerGone = true;
      this.#interruption.interrupt(this.#whyUnheard(error));
    }
  }

  #whyUnheard(error: unknown): unknown {
    if (error instanceof SnapshotError) return error;
    if (!(error instanceof PageStreamError)) return this.#talk.lost(messageOf(error), error);
    if (error.code === 'STREAM_TRUNCATED') return this.#talk.lost('it closed the connection', error);
    return asStreamFailure(error);
  }

  #reaching(stage: string): Promise<void> {
    return new Promise((resolve) => {
      this.#onStage[stage] = resolve;
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
