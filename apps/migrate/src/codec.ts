import { type PageCodec, pureCodec } from '@stillframe/page-stream';

export interface CodecChoice {
  readonly codec: PageCodec;
  /** Which code computes checksums, e.g. `x64-avx512`, or `javascript`. */
  readonly implementation: string;
  /** For people, when it is not the fast one; empty otherwise. */
  readonly note: string;
}

/** The native codec, or the one in JavaScript, with the same results at a fraction of the speed, where there is no binary for it. */
async function chooseCodec(): Promise<CodecChoice> {
  try {
    const { pageCodec: codec, implementation } = await import('@stillframe/page-codec');
    return { codec, implementation, note: '' };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const note = `checksums are computed in JavaScript, which is slow: ${reason}`;
    return { codec: pureCodec, implementation: 'javascript', note };
  }
}

export const chosenCodec = await chooseCodec();

/** For encoders and decoders. */
export const pageCodec = chosenCodec.codec;
