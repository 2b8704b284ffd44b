import { chooseVersion, type Frame, type Hello } from '@stillframe/page-stream';
import { SnapshotError } from '../error.ts';
import { isVersionCode } from '../stream-failure.ts';

/** `hello` → `image` → `done` (END came). */
export type DestinationStage = 'hello' | 'image' | 'done';

const IMAGE_FRAMES: ReadonlySet<Frame['type']> = new Set([
  'header',
  'parent',
  'regions',
  'state',
  'pages',
  'end',
  'skipped',
]);

/** What a destination makes of its source's words. No I/O: frames and losses in, stages and errors out. */
export class DestinationTalk {
  readonly #hello: Hello;
  #stage: DestinationStage = 'hello';

  constructor(hello: Hello) {
    this.#hello = hello;
  }

  get stage(): DestinationStage {
    return this.#stage;
  }

  /** Takes a frame of the source; true when it belongs to the image. Throws SnapshotError, and PageStreamError for a version. */
  take(frame: Frame): boolean {
    if (frame.type === 'abort') throw this.#gaveUp(frame.code, frame.message);
    if (frame.type === 'hello') {
      chooseVersion(this.#hello, frame);
      this.#stage = 'image';
    }
    if (frame.type === 'end') this.#stage = 'done';
    return IMAGE_FRAMES.has(frame.type);
  }

  /** The connection broke, or was silent for too long, or closed before END. */
  lost(why: string, cause?: unknown): SnapshotError {
    return new SnapshotError('peer-lost', `the source was lost: ${why}`, {
      operands: { stage: this.#stage },
      hint: 'Nothing was kept here, and the guest runs on at the source. Start again.',
      cause,
    });
  }

  #gaveUp(code: string, message: string): SnapshotError {
    return new SnapshotError(
      isVersionCode(code) ? 'version-mismatch' : 'peer-aborted',
      `the source gave up: ${message === '' ? code : message}`,
      {
        operands: { stage: this.#stage, peerCode: code },
      },
    );
  }
}
