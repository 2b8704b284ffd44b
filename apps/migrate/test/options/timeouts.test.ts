import { once } from 'node:events';
import { peerTimeouts } from '@stillframe/snapshot';
import { expect, test } from 'vitest';
import { peerTimeoutsFrom, withTimeout } from '../../src/options/timeouts.ts';

const never = new AbortController().signal;

test('without a limit the signal is the command’s own', () => {
  expect(withTimeout(never, {})).toBe(never);
});

test('the limit fires with TIMEOUT as its reason', async () => {
  const signal = withTimeout(never, { timeoutS: '0.001' });
  if (!signal.aborted) await once(signal, 'abort');
  expect(signal.reason).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('0.001 s') });
});

test('what may help besides more time is the command’s to say', async () => {
  const signal = withTimeout(never, { timeoutS: '0.001' }, 'do less');
  if (!signal.aborted) await once(signal, 'abort');
  expect(signal.reason).toMatchObject({ hint: 'Allow more with --timeout-s, or do less.' });
});

test('the command’s own signal fires through the limit, with its reason', () => {
  const own = new AbortController();
  const signal = withTimeout(own.signal, { timeoutS: '86400' });
  own.abort('why');
  expect(signal.reason).toBe('why');
});

function usage(flag: string): unknown {
  return expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(flag) });
}

const wrong = ['0', '-1', '1e3', '', ' ', 'x', '1s', '86400.1', '86401', 'Infinity', 'NaN'];

test.for(wrong)('%j is no time limit, and the flag is named', (text) => {
  expect(() => withTimeout(never, { timeoutS: text })).toThrow(usage('--timeout-s'));
  expect(() => peerTimeoutsFrom({ idleS: text })).toThrow(usage('--idle-s'));
});

test('a silent peer is lost after --idle-s; greetings take no longer than before, acknowledgements no less', () => {
  expect(peerTimeoutsFrom({})).toEqual({ ...peerTimeouts, writeMs: 30_000, silenceMs: 30_000 });
  expect(peerTimeoutsFrom({ idleS: '0.5' })).toMatchObject({ helloMs: 500, writeMs: 500, silenceMs: 500 });
  expect(peerTimeoutsFrom({ idleS: '3600' })).toEqual({
    helloMs: peerTimeouts.helloMs,
    writeMs: 3_600_000,
    silenceMs: 3_600_000,
    ackMs: 3_600_000,
  });
});
