import {
  ControlEncoder,
  type Frame,
  ownHello,
  PageStreamDecoder,
  PageStreamError,
} from '@stillframe/page-stream';
import { monotonicClock } from '../clock.ts';
import { SnapshotError, type SnapshotErrorCode } from '../error.ts';
import type { ReceiveSummary } from '../receive/event.ts';
import { decoderSources, receivableFeatures } from '../receive/read-back.ts';
import { readFrames } from '../receive/read-frames.ts';
import { asStreamFailure } from '../stream-failure.ts';
import { abortFrame } from './abort-frame.ts';
import { DestinationTalk } from './destination-talk.ts';
import { type PeerTimeouts, peerTimeouts } from './limits.ts';
import { PeerLink } from './peer-link.ts';
import type { PeerReceiveOptions } from './receive-from-peer.ts';

/** The source has gone, or has said its last word: there is nobody to tell. */
const NOBODY_LISTENS: ReadonlySet<SnapshotErrorCode> = new Set(['peer-lost', 'peer-aborted']);

/** A destination's connection to its source. */
export class SourceConversation {
  readonly #link: PeerLink;
  readonly #timeouts: PeerTimeouts;
  readonly #control = new ControlEncoder();
  readonly #decoder: PageStreamDecoder;
  readonly #hello;
  readonly #talk: DestinationTalk;
  #digest = new Uint32Array(2);
  #isOver = false;

  constructor(options: PeerReceiveOptions) {
    const { transport, clock = monotonicClock, timeouts, codec, limits, target, parent } = options;
    this.#link = new PeerLink(transport, clock);
    this.#timeouts = { ...peerTimeouts, ...timeouts };
    this.#decoder = new PageStreamDecoder({
      from: 'source',
      ...(codec === undefined ? {} : { codec }),
      ...(limits === undefined ? {} : { limits }),
      ...decoderSources(target, parent),
    });
    this.#hello = ownHello('destination', limits, receivableFeatures(codec, target, parent));
    this.#talk = new DestinationTalk(this.#hello);
  }

  /** Bytes received so far, control frames included. */
  get offset(): number {
    return this.#decoder.offset;
  }

  /** HELLO in both directions, then the frames of the image, to END. Throws SnapshotError. */
  async *frames(): AsyncGenerator<Frame> {
    try {
      const { helloMs } = this.#timeouts;
      const onTimeout = () => this.#talk.lost(`it took nothing for ${helloMs} ms`);
      await this.#link.write([this.#control.hello(this.#hello)], helloMs, onTimeout);
      for await (const frame of readFrames({ read: (into) => this.#read(into) }, this.#decoder)) {
        if (frame.type === 'end') this.#digest = frame.digest.slice();
        if (this.#talk.take(frame)) yield frame;
        if (this.#talk.stage === 'done') return;
      }
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Says that the image is complete and kept; false when the source does not show that it has heard, by closing in good order. */
  async acknowledge({ oracleVerified }: ReceiveSummary): Promise<boolean> {
    this.#isOver = true;
    const { writeMs } = this.#timeouts;
    const ack = {
      outcome: 'done',
      digestVerified: true,
      oracleVerified,
      digest: this.#digest,
      message: '',
    } as const;
    try {
      const onTimeout = () => this.#talk.lost(`it took nothing for ${writeMs} ms`);
      await this.#link.write([this.#control.ack(ack)], writeMs, onTimeout);
      return await this.#link.isClosedByPeer();
    } catch {
      return false;
    } finally {
      await this.#link.transport.destroy();
    }
  }

  /** Says why there is no image, as far as the source listens, and drops the connection. */
  async refuse(reason: unknown): Promise<void> {
    this.#isOver = true;
    if (!(reason instanceof SnapshotError && NOBODY_LISTENS.has(reason.code))) {
      await this.#link.lastWord(this.#refusal(reason));
      await this.#link.drain();
    }
    await this.#link.transport.destroy();
  }

  /** After END the image is what is refused, before it the stream. */
  #refusal(reason: unknown): Uint8Array {
    if (this.#talk.stage !== 'done') return abortFrame(this.#control, reason);
    return this.#control.ack({
      outcome: 'failed',
      digestVerified: true,
      oracleVerified: false,
      digest: this.#digest,
      message: reason instanceof Error ? reason.message : '',
    });
  }

  async #read(into: Uint8Array): Promise<number> {
    // The rest of a connection that is over belongs to the drain.
    if (this.#isOver) return 0;
    const limitMs = this.#talk.stage === 'hello' ? this.#timeouts.helloMs : this.#timeouts.silenceMs;
    return this.#link.read(into, limitMs, () => this.#talk.lost(`it said nothing for ${limitMs} ms`));
  }

  #failure(error: unknown): unknown {
    if (error instanceof SnapshotError) return error;
    if (!(error instanceof PageStreamError)) {
      return this.#talk.lost(error instanceof Error ? error.message : String(error), error);
    }
    if (error.code === 'STREAM_TRUNCATED') return this.#talk.lost('it closed the connection', error);
    return asStreamFailure(error);
  }
}
