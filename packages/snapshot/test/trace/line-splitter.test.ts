import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from '../../src/trace/line-splitter.ts';

const linesOf = (splitter: LineSplitter, ...chunks: readonly string[]) =>
  chunks.flatMap((chunk) => Array.from(splitter.take(Buffer.from(chunk))));

test('lines come when they are complete, however they are cut', () => {
  const text = 'one\n\ntwo\nthree…\n';
  fc.assert(
    fc.property(fc.array(fc.nat({ max: Buffer.byteLength(text) }), { maxLength: 8 }), (cuts) => {
      const splitter = new LineSplitter(100);
      const bytes = Buffer.from(text);
      const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.byteLength];
      const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
      expect(chunks.flatMap((chunk) => Array.from(splitter.take(chunk)))).toEqual([
        'one',
        '',
        'two',
        'three…',
      ]);
    }),
  );
});

test('what has no newline yet is no line', () => {
  expect(linesOf(new LineSplitter(10), 'one\ntwo')).toEqual(['one']);
});

test('a line one below, at and one above the limit', () => {
  for (const length of [9, 10])
    expect(linesOf(new LineSplitter(10), `${'x'.repeat(length)}\n`)).toHaveLength(1);
  expect(() => linesOf(new LineSplitter(10), `${'x'.repeat(11)}\n`)).toThrow(RangeError);
});

test('a line that does not end is refused as soon as it is too long, in pieces too', () => {
  const splitter = new LineSplitter(10);
  expect(linesOf(splitter, 'xxxxx', 'xxxxx')).toEqual([]);
  expect(() => linesOf(splitter, 'x')).toThrow('longer than 10 bytes');
});
