import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeStretches } from '../src/merge-order.ts';

test('any numbers come in order, and equal ones stay as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 300 }), (values) => {
      const order = mergeStretches(values.length, (a, b) => values[a]! - values[b]!);
      const sorted = [...values.keys()].toSorted((a, b) => values[a]! - values[b]!);
      expect([...order]).toEqual(sorted);
    }),
  );
});

test('what is in order already is compared once', () => {
  let compared = 0;
  const order = mergeStretches(1000, (a, b) => {
    compared++;
    return a - b;
  });
  expect(order.at(-1)).toBe(999);
  expect(compared).toBe(999);
});
