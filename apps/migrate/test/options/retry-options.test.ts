import { expect, test } from 'vitest';
import { chooseRetry, chooseRetryWait } from '../../src/options/retry-options.ts';

function usage(flag: string): unknown {
  return expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(flag) });
}

test('nothing is tried again when nobody asks', () => {
  expect(chooseRetry({})).toBeUndefined();
  expect(chooseRetry({ idleS: '3' })).toBeUndefined();
});

test('--retry alone is a minute in sum', () => {
  expect(chooseRetry({ retry: true })).toEqual({ budgetMs: 60_000, silenceMs: 10_000 });
  expect(chooseRetry({ retry: '0.5', idleS: '3' })).toEqual({ budgetMs: 500, silenceMs: 3000 });
});

test('a destination waits a minute, so long as it is told, or not at all', () => {
  expect(chooseRetryWait({})).toEqual({ waitMs: 60_000, silenceMs: 10_000 });
  expect(chooseRetryWait({ retryWait: '1.5', idleS: '0.001' })).toEqual({ waitMs: 1500, silenceMs: 1 });
  expect(chooseRetryWait({ retryWait: '0' })).toMatchObject({ waitMs: 0 });
  expect(chooseRetryWait({ retryWait: '86400' })).toMatchObject({ waitMs: 86_400_000 });
});

test.for(['0', '-1', '', 'x', '1s', '86401'])('%j is no time for --retry, and the flag is named', (text) => {
  expect(() => chooseRetry({ retry: text })).toThrow(usage('--retry'));
  expect(() => chooseRetry({ retry: true, idleS: text })).toThrow(usage('--idle-s'));
});

test.for(['-1', '', 'x', '1s', '86401'])('%j is no time for --retry-wait', (text) => {
  expect(() => chooseRetryWait({ retryWait: text })).toThrow(/--retry-wait/);
});
