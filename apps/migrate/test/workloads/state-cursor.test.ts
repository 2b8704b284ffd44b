import { describe, expect, test } from 'vitest';
import { packState, StateCursor } from '../../src/workloads/state-cursor.ts';

describe('StateCursor', () => {
  test('reads what was packed', () => {
    const cursor = new StateCursor(packState([7, 2 ** 40], Uint8Array.of(1, 2, 3)));
    expect(cursor.integer('a', 0, 10)).toBe(7);
    expect(cursor.integer('b', 0, 2 ** 41)).toBe(2 ** 40);
    expect([...cursor.bytes('c', 3)]).toEqual([1, 2, 3]);
    cursor.end();
  });

  test('reads a slice of a larger buffer', () => {
    const inside = Buffer.concat([
      Buffer.from([9, 9, 9]),
      packState([5], Uint8Array.of(4)),
      Buffer.from([9]),
    ]);
    const cursor = new StateCursor(inside.subarray(3, 12));
    expect(cursor.integer('a', 0, 10)).toBe(5);
    expect([...cursor.bytes('b', 1)]).toEqual([4]);
    cursor.end();
  });

  test.for([
    ['one below the minimum', 2, 'a is 2, not a whole number from 3 to 5 (at byte 8)'],
    ['one above the maximum', 6, 'a is 6, not a whole number from 3 to 5 (at byte 8)'],
    ['a fraction', 3.5, 'a is 3.5, not a whole number from 3 to 5 (at byte 8)'],
    ['no number', Number.NaN, 'a is NaN, not a whole number from 3 to 5 (at byte 8)'],
  ] as const)('refuses %s', ([, value, message]) => {
    const cursor = new StateCursor(packState([0, value]));
    cursor.integer('skipped', 0, 0);
    expect(() => cursor.integer('a', 3, 5)).toThrow(
      expect.objectContaining({ code: 'WORKLOAD_STATE_INVALID', offset: 8, message }),
    );
  });

  test('takes both ends of a range', () => {
    const cursor = new StateCursor(packState([3, 5]));
    expect([cursor.integer('a', 3, 5), cursor.integer('b', 3, 5)]).toEqual([3, 5]);
  });

  test('refuses to read beyond the end, and bytes left over', () => {
    const short = new StateCursor(new Uint8Array(7));
    expect(() => short.integer('a', 0, 1)).toThrow(
      expect.objectContaining({ offset: 0, message: 'the state ends before a (at byte 0)' }),
    );
    const cursor = new StateCursor(packState([1], Uint8Array.of(1, 2)));
    cursor.integer('a', 0, 1);
    expect(() => cursor.bytes('b', 3)).toThrow(expect.objectContaining({ offset: 8 }));
    expect(() => cursor.end()).toThrow(expect.objectContaining({ message: '2 bytes too many (at byte 8)' }));
  });
});
