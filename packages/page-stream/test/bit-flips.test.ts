import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowerLimits } from '../src/index.ts';
import { decode, fingerprints } from './decode.ts';
import { hello, TYPE } from './payloads.ts';
import { joinFrames, type RawFrame, splitFrames } from './raw-frames.ts';
import { referenceDecode } from './reference-decoder.ts';
import { destinationStream, exampleStream, richStream } from './sample-streams.ts';
import { smallImage } from './vector-list.ts';

const limits = lowerLimits({ maxPages: 4096 });
const helloFrame: RawFrame = { type: TYPE.hello, payload: hello() };

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

describe('every single bit flip', () => {
  it.each([
    ['file', exampleStream()],
    ['source', joinFrames([helloFrame, ...smallImage])],
    ['destination', destinationStream()],
  ] as const)('of a stream from a %s is an error of damage, in the frame that has it', (from, bytes) => {
    const damage = /^STREAM_(BAD_MAGIC|HEADER_CRC|PAYLOAD_CRC)@(\d+)$/;
    const wrong: string[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const error = decode(flip(bytes, bit), { from }).error ?? 'none';
      const behind = (bit >>> 3) - Number(damage.exec(error)?.[2]);
      // The longest frame is the PAGES frame of the example: 4168 bytes.
      if (!(behind >= 0 && behind < 4168)) wrong.push(`bit ${bit}: ${error}`);
    }
    expect(wrong).toEqual([]);
  });

  it('is the same error to the reference decoder', () => {
    const bytes = joinFrames(smallImage);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = flip(bytes, bit);
      const reference = referenceDecode(flipped, 'file', limits).error;
      expect(decode(flipped, { from: 'file', limits }).error).toBe(reference?.message);
    }
  });

  it('in a payload, with the checksums put right, is an error or in a field whose content is free', () => {
    const accepted = acceptedFlips(smallImage);
    expect(accepted).toEqual([
      // STREAM_HEADER: required features that every reader knows, CHUNKS and LZ4.
      ['0:8-8', 2],
      // Optional features and stream id. REGION_TABLE: the name. GUEST_STATE: the kind.
      ['0:12-31', 160],
      // Bit 7 makes no UTF-8 of an ASCII letter, and bit 4 makes DEL of the "o" in "none".
      ['1:32-34', 3 * 7],
      ['2:24-27', 4 * 7 - 1],
    ]);
  });
});

/** `frame:first-last byte` and how many flips the reader takes, for each stretch of bytes; both decoders must agree on all. */
function acceptedFlips(image: readonly RawFrame[]): [string, number][] {
  const stretches: { frame: number; first: number; last: number; count: number }[] = [];
  for (const [frame, raw] of image.entries()) {
    for (let bit = 0; bit < raw.payload.length * 8; bit++) {
      const bytes = joinFrames(image.with(frame, { ...raw, payload: flip(raw.payload, bit) }));
      const { error } = decode(bytes, { from: 'file', limits });
      expect(error).toBe(referenceDecode(bytes, 'file', limits).error?.message);
      if (error !== undefined) continue;
      const last = stretches.at(-1);
      const byte = bit >>> 3;
      if (last?.frame === frame && byte <= last.last + 1)
        Object.assign(last, { last: byte, count: last.count + 1 });
      else stretches.push({ frame, first: byte, last: byte, count: 1 });
    }
  }
  return stretches.map(({ frame, first, last, count }) => [`${frame}:${first}-${last}`, count]);
}

describe('a damaged stream', () => {
  it('is the same to both decoders: bytes changed, checksums put right', () => {
    const frames = splitFrames(richStream());
    const change = fc.record({ frame: fc.nat(frames.length - 1), at: fc.nat(200), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        let changed = frames;
        for (const { frame, at, byte } of changes) {
          const raw = changed[frame];
          if (!raw) continue;
          const payload = raw.payload.slice();
          payload[Math.min(at, payload.length - 1)] = byte;
          changed = changed.with(frame, { ...raw, payload });
        }
        const bytes = joinFrames(changed);
        const reference = referenceDecode(bytes, 'file', limits);
        const decoded = decode(bytes, { from: 'file', limits });
        expect(decoded.error).toBe(reference.error?.message);
        expect(fingerprints(decoded.frames)).toEqual(fingerprints(reference.frames));
      }),
      { numRuns: 60 },
    );
  });
});
