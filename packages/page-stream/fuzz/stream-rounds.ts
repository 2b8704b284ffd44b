import { inspect, isDeepStrictEqual } from 'node:util';
import { lowerLimits, type StreamLimits } from '../src/index.ts';
import { type Decoded, decode, decodeFully, type Feed, fingerprints, whole } from '../test/decode.ts';
import { formatHexText } from '../test/hex-text.ts';
import { type RawFrame, splitFrames } from '../test/raw-frames.ts';
import { referenceParent } from '../test/reference-chunks.ts';
import { type ReferenceResult, referenceDecode } from '../test/reference-decoder.ts';
import { type Vector, vectors } from '../test/vector-list.ts';
import { joinMaybeDamaged, mutateFrames } from './mutate.ts';
import type { Random } from './random.ts';
import { repairEnd } from './repair.ts';

/** Low, because the reference decoder keeps every page number and reads bit by bit. */
export const limits: StreamLimits = lowerLimits({
  maxPayloadBytes: 65_536,
  maxRegions: 64,
  maxPages: 4096,
  maxStateBytes: 200_000,
  maxSkippedFrames: 4,
});

/** Frames that decode, and some that do not; the large one is left out for speed. */
const corpus: readonly Vector[] = vectors.filter(({ bytes }) => bytes.length < 20_000);
const valid = corpus.filter(({ expect }) => expect === 'ok');
const allFrames: readonly RawFrame[] = valid.flatMap(({ bytes }) => splitFrames(bytes));

/** A changed stream, which the decoder, fed whole and in chunks, reads as the reference decoder does: the error code that both give, or `ok`. */
export function runStreamRound(random: Random): string {
  const { from, bytes } = random.once(8) ? random.pick(corpus) : random.pick(valid);
  let frames = mutateFrames(splitFrames(bytes), allFrames, random);
  if (from !== 'destination' && random.once(2)) frames = repairEnd(frames, from, limits);
  const stream = joinMaybeDamaged(frames, random);
  // A plain reader refuses the features at the start: worth a look, but not more often.
  const isFull = !random.once(16);
  const expected = summary(referenceDecode(stream, from, limits, isFull ? referenceParent : undefined));
  const read = isFull ? decodeFully : decode;
  for (const feed of [whole, anyFeed(random, 'push'), anyFeed(random, 'wrote')]) {
    const found = summary(read(stream, { from, limits }, feed));
    if (isDeepStrictEqual(found, expected)) continue;
    const input = `from a ${from}, chunks ${JSON.stringify(feed)}:\n${formatHexText(stream)}`;
    throw new Error(`reference: ${inspect(expected)}\ndecoder: ${inspect(found)}\n${input}`);
  }
  return expected.error?.split('@')[0] ?? 'ok';
}

function anyFeed(random: Random, way: Feed['way']): Feed {
  const lengths = Array.from(
    { length: 1 + random.below(5) },
    () => 1 + random.below(random.once(2) ? 40 : 5000),
  );
  return { lengths, way };
}

function summary({ frames, error }: Decoded | ReferenceResult) {
  return { error: error instanceof Error ? error.message : error, frames: fingerprints(frames) };
}
