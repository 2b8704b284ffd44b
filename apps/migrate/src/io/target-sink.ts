import { type Frame, type PageCodec, PageStreamDecoder, StateCollector } from '@stillframe/page-stream';
import type { Sink, Target } from '@stillframe/snapshot';
import { pageCodec } from '../codec.ts';

/**
 * For a stream that does not leave this process: both ends are ours and the bytes are in the same memory, so checksums and digest would
 * only cost time. Zero pages are found as ever.
 */
export const inProcessCodec: PageCodec = {
  crc32c: () => 0,
  digestRun: () => 0,
  findZeroRuns: (pages, pageSize, runLengths) => pageCodec.findZeroRuns(pages, pageSize, runLengths),
};

/** A sink that puts the stream into a target in this process, and commits it at the end. The encoder has to use `inProcessCodec`. */
export function targetSink(target: Target): Sink {
  const intake = new TargetIntake(target);
  let isAborted = false;
  let pending: Promise<void> = Promise.resolve();
  const step = (work: () => Promise<void>): Promise<void> => {
    if (isAborted) return Promise.reject(new Error('the sink is aborted'));
    const done = work();
    pending = done.catch(() => undefined);
    return done;
  };
  return {
    write: (iovecs) =>
      step(async () => {
        for (const bytes of iovecs) {
          // A target that is told to discard is not written to any more.
          if (isAborted) throw new Error('the sink is aborted');
          // oxlint-disable-next-line no-await-in-loop -- in order
          await intake.push(bytes);
        }
      }),
    end: () => step(() => intake.finish()),
    async abort() {
      isAborted = true;
      await pending;
      await target.discard();
    },
  };
}

class TargetIntake {
  readonly #target: Target;
  readonly #decoder = new PageStreamDecoder({ from: 'file', codec: inProcessCodec });
  readonly #collector = new StateCollector();
  #streamId = new Uint8Array(0);

  constructor(target: Target) {
    this.#target = target;
  }

  async push(bytes: Uint8Array): Promise<void> {
    for (const frame of this.#decoder.push(bytes)) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await this.#take(frame);
    }
  }

  async finish(): Promise<void> {
    this.#decoder.finish();
    await this.#target.commit();
  }

  async #take(frame: Frame): Promise<void> {
    if (frame.type === 'header') this.#streamId = frame.streamId.slice();
    else if (frame.type === 'regions') await this.#target.allocate(frame.regions, this.#streamId);
    else if (frame.type === 'pages') await this.#target.writePages(frame.region, frame.runs, frame.bytes);
    else if (frame.type === 'state') {
      const state = this.#collector.add(frame);
      if (state !== undefined) await this.#target.writeState(state);
    }
  }
}
