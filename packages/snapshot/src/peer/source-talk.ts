import {
  type Abort,
  type Ack,
  type AnnouncedLimits,
  chooseVersion,
  type Frame,
  type Hello,
} from '@stillframe/page-stream';
import { SnapshotError } from '../error.ts';
import { asStreamFailure, isVersionCode } from '../stream-failure.ts';

/** `hello` → `stream` → `ack` → `done`. */
export type SourceStage = 'hello' | 'stream' | 'ack' | 'done';

/**
 * What a source makes of its destination's words. No I/O: frames and losses in, stages and errors out.
 *
 * A snapshot moves no ownership: whatever happens here, the guest is the source's (I-5). Only the image is in doubt, and only between
 * END and ACK.
 */
export class SourceTalk {
  readonly #hello: Hello;
  #stage: SourceStage = 'hello';
  #readerLimits: AnnouncedLimits | undefined;
  #readerFeatures = 0;
  #ack: Ack | undefined;

  constructor(hello: Hello) {
    this.#hello = hello;
  }

  get stage(): SourceStage {
    return this.#stage;
  }

  /** What the destination accepts; known once the stage is `stream`. */
  get readerLimits(): AnnouncedLimits | undefined {
    return this.#readerLimits;
  }

  /** Feature bits that the destination reads; known once the stage is `stream`. */
  get readerFeatures(): number {
    return this.#readerFeatures;
  }

  /** What the destination said in the end; known once the stage is `done`. */
  get ack(): Ack | undefined {
    return this.#ack;
  }

  /** Takes a frame of the destination; the decoder has checked that it may come here. */
  take(frame: Frame): void {
    switch (frame.type) {
      case 'hello':
        this.#agree(() => chooseVersion(this.#hello, frame));
        this.#readerLimits = frame.limits;
        this.#readerFeatures = frame.features;
        this.#stage = 'stream';
        return;
      case 'ack':
        return this.#takeAck(frame);
      case 'abort':
        throw refusal(frame, this.#stage);
      case 'header':
      case 'parent':
      case 'regions':
      case 'state':
      case 'pages':
      case 'end':
      case 'skipped':
        return;
    }
  }

  /** END is about to be written. */
  ended(): void {
    this.#stage = 'ack';
  }

  /** The connection broke, or was silent for too long, or closed too early. */
  lost(why: string, cause?: unknown): SnapshotError {
    return new SnapshotError('peer-lost', `the destination was lost: ${why}`, {
      operands: { stage: this.#stage, imageMayBeComplete: this.#stage === 'ack' },
      hint:
        this.#stage === 'ack'
          ? 'Everything was sent, but the destination has not confirmed: the image may be complete there. The guest runs on here.'
          : 'The guest runs on, and the destination keeps nothing. Start again when it is reachable.',
      cause,
    });
  }

  /** The caller gave up. */
  aborted(reason: unknown): SnapshotError {
    return new SnapshotError('aborted', 'the transfer was aborted', {
      operands: { stage: this.#stage, imageMayBeComplete: this.#stage === 'ack' },
      hint:
        this.#stage === 'ack'
          ? 'Everything was sent before: the image may be complete at the destination. The guest runs on here.'
          : 'The guest runs on, and the destination keeps nothing.',
      cause: reason,
    });
  }

  #takeAck(ack: Ack): void {
    if (this.#stage !== 'ack') {
      throw new SnapshotError('corrupt-stream', 'the destination confirmed an image that has not ended', {
        operands: { stage: this.#stage },
      });
    }
    if (ack.outcome === 'failed') {
      throw refusal({ code: 'ACK_FAILED', message: ack.message }, this.#stage);
    }
    this.#ack = ack;
    this.#stage = 'done';
  }

  #agree(choose: () => number): void {
    try {
      choose();
    } catch (error) {
      throw asStreamFailure(error);
    }
  }
}

function refusal({ code, message }: Abort, stage: SourceStage): SnapshotError {
  const said = message === '' ? code : message;
  // Its user ended it, which says nothing against this image or this guest.
  if (code === 'aborted') {
    return new SnapshotError('peer-aborted', `the destination gave up: ${said}`, {
      operands: { stage, peerCode: code },
      hint: 'The guest runs on, and the destination keeps nothing. Start again when it listens.',
    });
  }
  return new SnapshotError(
    isVersionCode(code) ? 'version-mismatch' : 'peer-refused',
    `the destination refused: ${said}`,
    { operands: { stage, peerCode: code } },
  );
}
