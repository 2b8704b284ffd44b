import { PageStreamEncoder, PageStreamError, sameLayout } from '@stillframe/page-stream';
import { SnapshotError } from './error.ts';
import type { PackingNumbers } from './event.ts';
import type { Capture, Region } from './guest.ts';
import { asEncodingFailure } from './stream-failure.ts';
import type { SnapshotOptions } from './take-snapshot.ts';

export type ImageOptions = Pick<SnapshotOptions, 'codec' | 'readerLimits' | 'chunks'> & {
  readonly streamId: Uint8Array;
};

/** The encoder of one image, which is an increment only if the guest's regions, known now or at the cut, are those of the parent. */
export class ImageEncoder {
  readonly #options: ImageOptions;
  #begun: { readonly encoder: PageStreamEncoder; readonly head: () => Uint8Array[] } | undefined;
  #isIncrement = false;

  /** Throws TypeError or RangeError for options that no image can have, whatever the regions. */
  constructor(options: ImageOptions) {
    this.#options = options;
    this.#encoder(options.chunks);
  }

  get isBegun(): boolean {
    return this.#begun !== undefined;
  }

  /** After `begin`. */
  get encoder(): PageStreamEncoder {
    return this.#begun!.encoder;
  }

  /** Pages go through a packer. */
  get isPacked(): boolean {
    return this.#options.chunks?.packer !== undefined;
  }

  /** Throws RangeError for regions that no image can have. */
  begin(regions: readonly Region[]): void {
    const { chunks } = this.#options;
    const parent = chunks?.parent;
    this.#isIncrement = parent !== undefined && sameLayout(regions, parent.regions);
    const { parent: _, ...rest } = chunks ?? {};
    const encoder = this.#encoder(parent === undefined || this.#isIncrement ? chunks : rest);
    this.#begun = { encoder, head: startStream(encoder, regions) };
  }

  /** The first frames. Throws `peer-refused` for what the reader does not accept. */
  head(): Uint8Array[] {
    return this.#begun!.head();
  }

  /** A guest leaves pages out only where the parent has them. */
  expectInherits({ unchanged }: Capture): void {
    if (unchanged === undefined || this.#isIncrement) return;
    throw new SnapshotError(
      'capture-failed',
      'the capture left out pages as unchanged, but its regions are not those of the parent',
    );
  }

  get numbers(): PackingNumbers {
    const { chunks } = this.#options;
    const encoder = this.#begun?.encoder;
    const dataBytes = encoder?.totals.dataBytes ?? 0;
    const { pagesByKind, storedBytes } = encoder?.packing ?? { pagesByKind: NO_KINDS, storedBytes: 0 };
    return {
      compression: chunks?.compression?.method ?? 'none',
      isIncrement: this.#isIncrement,
      dataBytes,
      storedBytes,
      ratio: storedBytes === 0 ? 1 : dataBytes / storedBytes,
      inheritedPages: pagesByKind.parent,
      sameAsPages: pagesByKind['same-as'],
      deltaPages: pagesByKind['delta-lz4'] + pagesByKind['delta-zstd'],
      pagesByKind,
    };
  }

  #encoder(chunks: SnapshotOptions['chunks']): PageStreamEncoder {
    const { streamId, codec, readerLimits } = this.#options;
    return new PageStreamEncoder({
      streamId,
      ...(codec === undefined ? {} : { codec }),
      ...(readerLimits === undefined ? {} : { limits: readerLimits }),
      ...(chunks === undefined ? {} : { chunks }),
    });
  }
}

const NO_KINDS: PackingNumbers['pagesByKind'] = {
  data: 0,
  zero: 0,
  lz4: 0,
  zstd: 0,
  'same-as': 0,
  parent: 0,
  'delta-lz4': 0,
  'delta-zstd': 0,
};

/** Regions that no image can have are the caller's mistake, at once; those that this reader does not accept fail the run. */
function startStream(encoder: PageStreamEncoder, regions: readonly Region[]): () => Uint8Array[] {
  try {
    const head = encoder.start(regions);
    return () => head;
  } catch (error) {
    if (!(error instanceof PageStreamError)) throw error;
    return () => {
      throw asEncodingFailure(error, 'guest-failed', 'encode the regions');
    };
  }
}
