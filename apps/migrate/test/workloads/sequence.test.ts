import { describe, expect, test } from 'vitest';
import { SharedSequence } from '../../src/workloads/counter/sequence.ts';

function sequence(): SharedSequence {
  return new SharedSequence(new Int32Array(new SharedArrayBuffer(12)));
}

describe('SharedSequence', () => {
  test('counts from 1', () => {
    const numbers = sequence();
    expect(numbers.last()).toBe(0);
    expect([numbers.take(), numbers.take(), numbers.take()]).toEqual([1, 2, 3]);
    expect(numbers.last()).toBe(3);
  });

  test.for([2 ** 31 - 3, 2 ** 31, 2 ** 32 - 3, 2 ** 32, 2 ** 33 - 3, 3 * 2 ** 31 - 3, 3 * 2 ** 32 - 3])(
    'counts on across the borders of its words, after %i',
    (start) => {
      const numbers = sequence();
      numbers.continueAfter(start);
      expect(numbers.last()).toBe(start);
      for (let next = start + 1; next <= start + 6; next++) {
        expect(numbers.take()).toBe(next);
        expect(numbers.last()).toBe(next);
      }
    },
  );

  test('an epoch written at one border is still there at the next', () => {
    const words = new Int32Array(new SharedArrayBuffer(12));
    const numbers = new SharedSequence(words);
    numbers.continueAfter(2 ** 31 - 1);
    numbers.take();
    numbers.take();
    // As if 2^31 − 3 more had been taken.
    words[0] = -2;
    expect([numbers.take(), numbers.take(), numbers.take()]).toEqual([2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1]);
  });
});
