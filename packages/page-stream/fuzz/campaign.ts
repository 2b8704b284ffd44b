import { inspect, isDeepStrictEqual } from 'node:util';
import { lowerLimits, type StreamLimits } from '../src/index.ts';
import { type Decoded, decode, decodeFully, type Feed, fingerprints, whole } from '../test/decode.ts';
import { formatHexText } from '../test/hex-text.ts';
import { type RawFrame, splitFrames } from '../test/raw-frames.ts';
import { referenceParent } from '../test/reference-chunks.ts';
import { type ReferenceResult, referenceDecode } from '../test/reference-decoder.ts';
import { type Vector, vectors } from '../test/vector-list.ts';
import { runChangedImage, runDamagedImage } from './images.ts';
import { joinMaybeDamaged, mutateFrames } from './mutate.ts';
import { Random } from './random.ts';
import { repairEnd } from './repair.ts';

/** Low, because the reference decoder keeps every page number and reads bit by bit. */
const limits: StreamLimits = lowerLimits({
  maxPayloadBytes: 65_536,
  maxRegions: 64,
  maxPages: 4096,
  maxStateBytes: 200_000,
  maxSkippedFrames: 4,
});

/** Above this growth of the process some input made the decoder hold more than its limits allow. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;

const ROUNDS_BETWEEN_CHECKS = 256;

/** Frames that decode, and some that do not; the large one is left out for speed. */
const corpus: readonly Vector[] = vectors.filter(({ bytes }) => bytes.length < 20_000);
const valid = corpus.filter(({ expect }) => expect === 'ok');
const allFrames: readonly RawFrame[] = valid.flatMap(({ bytes }) => splitFrames(bytes));

export interface CampaignOptions {
  readonly seed: number;
  readonly maxRounds: number;
  /** Asked after each round. */
  readonly isOver: () => boolean;
}

export interface CampaignResult {
  readonly rounds: number;
  /** How often each error code, or `ok`, came. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/**
 * Changes streams and checks that the decoder, fed whole and in chunks, says of each what the reference decoder says, and that the
 * process does not grow. Throws with the seed of the round and the bytes otherwise.
 */
export function runCampaign({ seed, maxRounds, isOver }: CampaignOptions): CampaignResult {
  const outcomes = new Map<string, number>();
  const startRss = process.memoryUsage.rss();
  let rounds = 0;
  while (rounds < maxRounds && !isOver()) {
    const roundSeed = seed + rounds++;
    const outcome = runRound(roundSeed);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (rounds % ROUNDS_BETWEEN_CHECKS !== 0) continue;
    const growth = process.memoryUsage.rss() - startRss;
    if (growth > MAX_GROWTH_BYTES)
      throw new Error(`the process grew by ${growth} bytes before round ${roundSeed}`);
  }
  return { rounds, outcomes };
}

/** The error code that both decoders give, or `ok`. */
export function runRound(seed: number): string {
  const random = new Random(seed);
  if (random.once(4)) return inRound(seed, () => runDamagedImage(random));
  if (random.once(4)) return inRound(seed, () => runChangedImage(random, limits));
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
    throw new Error(`seed ${seed}\nreference: ${inspect(expected)}\ndecoder: ${inspect(found)}\n${input}`);
  }
  return expected.error?.split('@')[0] ?? 'ok';
}

function inRound(seed: number, round: () => string): string {
  try {
    return round();
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
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
