import { setImmediate as turn } from 'node:timers/promises';
import {
  type Frame,
  type ImageIdentity,
  type PageCodec,
  type PageReader,
  type PagesFrame,
  type ParentImage,
  PageStreamDecoder,
  pureCodec,
  type StreamLimits,
} from '@stillframe/page-stream';
import type { ByteSource } from '../source.ts';
import { readFrames } from './read-frames.ts';

/** One image of a chain. */
export interface ChainLayer {
  /** Its stream, from the start. Stays the caller's to close. */
  readonly source: ByteSource;
  /** From `readIdentity`. */
  readonly identity: ImageIdentity;
}

/** How much is looked at at a time where an increment says that pages are zeros now. */
const ZEROS_BYTES = 1024 * 1024;

export interface ChainReading {
  /** The one that is complete in itself first. */
  readonly layers: readonly ChainLayer[];
  /** The memory that the chain is put into, layer over layer. */
  readonly memory: PageReader;
  readonly codec?: PageCodec;
  readonly limits?: Partial<StreamLimits>;
}

/**
 * The frames of a chain of images as those of one: the header and regions of the last, the pages of all in their order, the state and
 * the end of the last. Each layer is decoded over the memory that holds those below it, so each is checked like an image of its own,
 * digest included, and no page is held twice.
 */
export class ChainFrames {
  readonly #reading: ChainReading;
  /** Of layers that are done. */
  #doneBytes = 0;
  #decoder: PageStreamDecoder | undefined;

  constructor(reading: ChainReading) {
    this.#reading = reading;
  }

  /** Bytes of all layers so far. */
  get offset(): number {
    return this.#doneBytes + (this.#decoder?.offset ?? 0);
  }

  async *frames(): AsyncGenerator<Frame> {
    const { layers } = this.#reading;
    const last = layers.at(-1);
    if (last === undefined) return;
    const { streamId, requiredFeatures, regions } = last.identity;
    const place = { offset: 0, sequence: 0, payloadBytes: 0 };
    yield { ...place, type: 'header', version: 1, requiredFeatures, optionalFeatures: 0, streamId };
    yield { ...place, type: 'regions', regions };
    for (const [index, layer] of layers.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- layer over layer
      for await (const frame of this.#layer(layer, layers[index - 1])) {
        if (frame.type === 'pages') yield* index === 0 ? [frame] : this.#over(frame, regions);
        else if (layer === last && (frame.type === 'state' || frame.type === 'end')) yield frame;
      }
    }
  }

  async *#layer({ source }: ChainLayer, below: ChainLayer | undefined): AsyncGenerator<Frame> {
    const { memory, codec, limits } = this.#reading;
    const decoder = new PageStreamDecoder({
      from: 'file',
      earlier: memory,
      ...(codec === undefined ? {} : { codec }),
      ...(limits === undefined ? {} : { limits }),
      ...(below === undefined ? {} : { parent: asParent(below, memory) }),
    });
    this.#decoder = decoder;
    yield* readFrames(source, decoder, { ahead: true });
    this.#doneBytes += decoder.offset;
    this.#decoder = undefined;
  }

  /** A target may take zeros for memory that nobody wrote to, which is not so over another layer: there they come as bytes. */
  async *#over(
    frame: PagesFrame,
    regions: readonly { readonly pageSize: number }[],
  ): AsyncGenerator<PagesFrame> {
    yield { ...frame, runs: frame.runs.filter(({ kind }) => kind === 'data') };
    const { memory, codec = pureCodec } = this.#reading;
    const { pageSize } = regions[frame.region]!;
    const atOnce = Math.max(1, Math.floor(ZEROS_BYTES / pageSize));
    const runLengths = new Uint32Array(atOnce + 1);
    for (const run of frame.runs) {
      if (run.kind !== 'zero') continue;
      for (let done = 0; done < run.pageCount; done += atOnce) {
        const pageCount = Math.min(atOnce, run.pageCount - done);
        const firstPage = run.firstPage + done;
        const bytes = new Uint8Array(pageCount * pageSize);
        memory.readPages(frame.region, firstPage, bytes);
        // Data first: nothing of it, and then all of it zero.
        const isZero = codec.findZeroRuns(bytes, pageSize, runLengths) === 2 && runLengths[0] === 0;
        if (!isZero) {
          bytes.fill(0);
          yield { ...frame, runs: [{ firstPage, pageCount, kind: 'data' }], bytes };
        }
        // oxlint-disable-next-line no-await-in-loop -- a run of zeros may be as long as the region
        await turn();
      }
    }
  }
}

/** The memory that a layer was put into, as the parent of the one above it. */
function asParent({ identity }: ChainLayer, memory: PageReader): ParentImage {
  return {
    streamId: identity.streamId,
    digest: identity.totals.digest,
    chainLength: identity.parent?.chainLength ?? 0,
    regions: identity.regions,
    readPages: (region, firstPage, pages) => memory.readPages(region, firstPage, pages),
  };
}
