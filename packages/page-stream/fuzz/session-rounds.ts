import { isDeepStrictEqual } from 'node:util';
import { formatHexText } from '../test/hex-text.ts';
import { concat, joinFrames, type RawFrame } from '../test/raw-frames.ts';
import { readByReference, readSession } from '../test/session/read-session.ts';
import { raw, spoken } from '../test/session/session-vectors.ts';
import type { Random } from './random.ts';

/** Values at and around the bounds of every field. */
const NUMBERS = [0, 1, 2, 3, 4, 79, 80, 4_194_304, 4_194_305, 86_400_000, 86_400_001, 2 ** 32 - 1];
const BOUND = 2n ** 53n;
const MAX_FRAMES = 5;

/** A changed connection of a session, which SessionReader reads as the reference decoder does: the error code that both give, or `ok`. */
export function runSessionRound(random: Random): string {
  const from = random.once(2) ? ('source' as const) : ('destination' as const);
  const bytes = damaged(connection(random, from), random);
  const found = readSession(bytes, from);
  const expected = readByReference(bytes, from);
  const isSame =
    found.error === expected.error &&
    (expected.error !== undefined || isDeepStrictEqual(found.frames, expected.frames));
  if (isSame) return expected.error?.split('@')[0] ?? 'ok';
  throw new Error(
    `from a ${from}\nreference: ${expected.error ?? 'ok'}\nreader: ${found.error ?? 'ok'}\n${formatHexText(bytes)}`,
  );
}

function connection(random: Random, from: 'source' | 'destination'): Uint8Array {
  const firsts = from === 'source' ? [0xc001, 0xc002] : [0xc003, 0xc004, 0xc005];
  const parts: Uint8Array[] = [];
  const count = 1 + random.below(MAX_FRAMES);
  for (let sequence = 0; sequence < count; sequence++) {
    const isRight = !random.once(6);
    const known = spoken.filter(
      ({ raw: { type } }) => firsts.includes(type) === (sequence === 0) && type !== 0xc006,
    );
    const frame = isRight && !random.once(3) ? random.pick(known).raw : anyFrame(random);
    parts.push(joinFrames([{ sequence: random.once(30) ? random.below(4) : sequence, ...frame }]));
    if (frame.type === 0xc006 && !random.once(4)) parts.push(new Uint8Array(random.below(100)));
  }
  return concat(parts);
}

function anyFrame(random: Random): RawFrame {
  const type = random.once(12) ? random.below(0x1_0000) : 0xc001 + random.below(8);
  const number = () => (random.once(2) ? 0 : random.once(4) ? random.below(2 ** 32) : random.pick(NUMBERS));
  const some = () => Uint8Array.from({ length: 16 }, () => (random.once(2) ? random.below(256) : 0));
  const frame = raw(type, {
    position: random.once(4) ? BOUND - 1n + BigInt(random.below(3)) : number(),
    count: type === 0xc006 ? random.below(100) : number(),
    detail: number(),
    ...(random.once(2) ? { id: some(), token: some() } : {}),
  });
  if (!random.once(8)) return frame;
  return random.pick<RawFrame>([
    { ...frame, flags: random.below(4) },
    { ...frame, reserved: random.below(2) },
    { ...frame, payload: new Uint8Array(random.below(10) * 8) },
    { ...frame, payloadLength: random.below(5000) },
    { ...frame, payloadCrc: random.below(2 ** 32) },
  ]);
}

function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  if (random.once(5)) return bytes.subarray(0, random.below(bytes.length + 1));
  if (!random.once(4)) return bytes;
  const copy = bytes.slice();
  const at = random.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  return copy;
}
