import {
  type PageCodec,
  type PageReader,
  type ParentImage,
  pureCodec,
  readableFeatures,
} from '@stillframe/page-stream';
import type { Target } from '../guest.ts';

/** What a decoder is told of the target, and given to make pages with that the stream does not bring along. */
export interface DecoderSources {
  /** Whether the target wants frames as they came. */
  readonly raw: boolean;
  readonly earlier?: PageReader;
  readonly parent?: ParentImage;
}

/** A target as a reader of what was written to it, if it can read back. */
export function readerOf(target: Target): PageReader | undefined {
  if (target.readPages === undefined) return undefined;
  return { readPages: (region, firstPage, pages) => target.readPages!(region, firstPage, pages) };
}

export function decoderSources(target: Target, parent: ParentImage | undefined): DecoderSources {
  const earlier = readerOf(target);
  const raw = target.writeFrame !== undefined;
  return { raw, ...(earlier === undefined ? {} : { earlier }), ...(parent === undefined ? {} : { parent }) };
}

/** Feature bits of what can be received, for HELLO. */
export function receivableFeatures(
  codec: PageCodec | undefined,
  target: Target,
  parent: ParentImage | undefined,
): number {
  return readableFeatures({ codec: codec ?? pureCodec, ...decoderSources(target, parent) });
}
