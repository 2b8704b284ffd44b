import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unpackLz4 } from '../src/index.ts';
import { lz4Of } from './chunk-payloads.ts';
import { referenceLz4 } from './reference-lz4.ts';

/** A block made of sequences that are right but for what a property does to them. */
const sequence = fc.record({
  literals: fc.uint8Array({ maxLength: 40 }),
  distance: fc.nat(60),
  match: fc.integer({ min: 4, max: 600 }),
});

function length(nibble: number, value: number): number[] {
  const bytes: number[] = [];
  if (nibble < 15) return bytes;
  for (let rest = value - 15; ; rest -= 255) {
    bytes.push(Math.min(rest, 255));
    if (rest < 255) return bytes;
  }
}

function blockOf(
  sequences: readonly { literals: Uint8Array; distance: number; match: number }[],
): Uint8Array {
  const bytes: number[] = [];
  for (const { literals, distance, match } of sequences) {
    const high = Math.min(literals.length, 15);
    const low = Math.min(match - 4, 15);
    bytes.push(high * 16 + low, ...length(high, literals.length), ...literals);
    bytes.push(distance % 256, distance >> 8, ...length(low, match - 4));
  }
  return Uint8Array.from([...bytes, 0x50, 1, 2, 3, 4, 5]);
}

describe('unpackLz4', () => {
  it.each([13, 18, 19, 20, 64, 273, 274, 275, 4096, 65_536])('unpacks a run of %i bytes', (size) => {
    if (size < 25) return;
    const pages = new Uint8Array(size);
    expect(unpackLz4(lz4Of(9, size), pages)).toBe(true);
    expect(pages.every((byte) => byte === 9)).toBe(true);
  });

  it('takes, refuses and gives what the reference does', () => {
    let taken = 0;
    fc.assert(
      fc.property(
        fc.array(sequence, { maxLength: 6 }),
        fc.integer({ min: -8, max: 8 }),
        fc.nat(4),
        (parts, off, cut) => {
          const whole = blockOf(parts);
          const block = whole.subarray(0, whole.length - Math.max(0, cut - 2));
          const size =
            parts.reduce((sum, { literals, match }) => sum + literals.length + match, 5) +
            (off > 4 ? off : 0);
          const pages = new Uint8Array(size);
          const expected = referenceLz4(block, size);
          const isTaken = unpackLz4(block, pages);
          expect(isTaken).toBe(expected !== undefined);
          expect(!isTaken || Buffer.compare(pages, Uint8Array.from(expected ?? [])) === 0).toBe(true);
          taken += Number(isTaken);
        },
      ),
      { numRuns: 1500 },
    );
    expect(taken).toBeGreaterThan(20);
  });

  it('of any bytes stays within its memory', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(200), (block, size) => {
        const memory = new Uint8Array(size + 16).fill(0xcc);
        const pages = memory.subarray(8, 8 + size);
        const expected = referenceLz4(block, size);
        expect(unpackLz4(block, pages)).toBe(expected !== undefined);
        expect([...memory.subarray(0, 8), ...memory.subarray(8 + size)].every((byte) => byte === 0xcc)).toBe(
          true,
        );
      }),
      { numRuns: 1500 },
    );
  });
});
