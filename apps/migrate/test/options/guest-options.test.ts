import { expect, test } from 'vitest';
import { chooseGuest } from '../../src/options/guest-options.ts';

const workload = 'counter,size=2MiB';

test('a workload with the times around it', () => {
  expect(chooseGuest({ workload })).toMatchObject({
    workload: { name: 'counter', options: { size: 2 * 2 ** 20 } },
    beforeMs: 1000,
    afterMs: 500,
  });
  expect(chooseGuest({ workload, mode: 'snapshot', beforeMs: '0', afterMs: '86400000' })).toMatchObject({
    beforeMs: 0,
    afterMs: 86_400_000,
  });
});

test.for(['-1', '1s', '', 'x', '86400001', 'Infinity'])(
  '%j are no milliseconds, and the flag is named',
  (text) => {
    expect(() => chooseGuest({ workload, beforeMs: text })).toThrow('--before-ms');
    expect(() => chooseGuest({ workload, afterMs: text })).toThrow('--after-ms');
  },
);

test.for(['precopy', 'postcopy', 'hybrid'])('--mode %s is none of a picture', (mode) => {
  expect(() => chooseGuest({ workload, mode })).toThrow(expect.objectContaining({ code: 'NOT_AVAILABLE' }));
});

test.for(['increment', 'x'])('--mode %s is none', (mode) => {
  expect(() => chooseGuest({ workload, mode })).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('whose memory?', () => {
  expect(() => chooseGuest({})).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('--workload') }),
  );
});
