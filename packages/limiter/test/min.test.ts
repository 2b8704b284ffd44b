import { describe, expect, it } from 'vitest';
import { quietObservation } from '../src/compliance.ts';
import { gentle, type Grant, type Limiter, limiterFromConfig, minimum, parseLimiter } from '../src/index.ts';

const NOW = 1e12;

const giving = (name: string, grant: Partial<Grant>): Limiter<number> => ({
  name,
  initial: () => 0,
  step: (state) => ({
    state: state + 1,
    grant: { pages: 9, notBeforeNs: NOW, wakeOnFault: false, ...grant },
  }),
});

describe('the strictest wins', () => {
  it.each<[string, Partial<Grant>[], Grant]>([
    [
      'in pages',
      [{}, { pages: 5, reason: 'few' }],
      { pages: 5, notBeforeNs: NOW, wakeOnFault: false, reason: 'b: few' },
    ],
    [
      'in time, which then is the reason',
      [{ pages: 3 }, { notBeforeNs: NOW + 2, reason: 'late' }],
      { pages: 3, notBeforeNs: NOW + 2, wakeOnFault: false, reason: 'b: late' },
    ],
    [
      'in no pages, which is the reason before any time',
      [{ notBeforeNs: NOW + 2 }, { pages: 0 }],
      { pages: 0, notBeforeNs: NOW + 2, wakeOnFault: false, reason: 'b' },
    ],
    [
      'a time that has passed is no reason',
      [{ pages: 2 }, { notBeforeNs: NOW }, { notBeforeNs: NOW - 5 }],
      { pages: 2, notBeforeNs: NOW, wakeOnFault: false, reason: 'a' },
    ],
    [
      'in being asked on faults',
      [{}, { wakeOnFault: true }, {}],
      { pages: 9, notBeforeNs: NOW, wakeOnFault: true, reason: 'a' },
    ],
    [
      'of three, each in something',
      [{ pages: 8 }, { notBeforeNs: NOW + 1 }, { wakeOnFault: true }],
      { pages: 8, notBeforeNs: NOW + 1, wakeOnFault: true, reason: 'b' },
    ],
  ])('%s', (_what, grants, grant) => {
    const limiter = minimum(grants.map((part, index) => giving('abc'.charAt(index), part)));
    expect(limiter.step(limiter.initial(NOW), quietObservation({ nowNs: NOW })).grant).toEqual(grant);
  });
});

it('gives each part its own state', () => {
  const limiter = minimum([giving('a', {}), { ...giving('b', {}), initial: () => 10 }]);
  const { state } = limiter.step(limiter.initial(NOW), quietObservation());
  expect(limiter.step(state, quietObservation()).state).toEqual([
    { name: 'a', state: 2 },
    { name: 'b', state: 12 },
  ]);
});

it('re-tuned, each part adopts what the part of its name in its place had', () => {
  const adopting = (name: string): Limiter<number> => ({
    ...giving(name, {}),
    adopt: (state) => state + 100,
  });
  const before = minimum([giving('a', {}), giving('b', {}), giving('c', {})]);
  const { state } = before.step(before.initial(NOW), quietObservation());
  const after = minimum([adopting('a'), adopting('x'), giving('c', {}), adopting('d')]);
  expect(after.adopt?.(state, NOW).map((part) => part.state)).toEqual([101, 0, 0, 0]);
});

it('needs a part', () => {
  expect(() => minimum([])).toThrow(RangeError);
});

/** What is granted first, of a store of a MiB that holds `bytes`. */
function grantWith(limiter: Limiter, bytes: number): Partial<Grant> {
  const preImages = { bytes, maxBytes: 2 ** 20 };
  const { pages, notBeforeNs } = limiter.step(limiter.initial(NOW), quietObservation({ preImages })).grant;
  return { pages, notBeforeNs };
}

describe('is written', () => {
  const text = 'min,of=[token-bucket,rate=1MB/s,burst=64KiB+reserve,share=1/2]';
  it.each<[unknown]>([
    [text],
    ['min,of=[token-bucket,rate=1MB/s,burst=64KiB+min,of=[reserve,share=50%]]'],
    [{ name: 'min', of: ['token-bucket,rate=1MB/s,burst=64KiB', { name: 'reserve', share: 0.5 }] }],
    [{ name: 'min', of: 'token-bucket,rate=1MB/s,burst=64KiB+reserve,share=0.5' }],
  ])('%j', (config) => {
    const limiter = limiterFromConfig(config);
    for (const bytes of [0, 2 ** 18, 2 ** 19])
      expect(grantWith(limiter, bytes)).toEqual(grantWith(parseLimiter(text), bytes));
    expect([0, 2 ** 19 - 3 * 4096, 2 ** 19].map((bytes) => grantWith(limiter, bytes).pages)).toEqual([
      16, 3, 0,
    ]);
  });

  it.each<[unknown, string]>([
    [undefined, 'not a list of 1 to 8 limiters'],
    [[], 'not a list of 1 to 8 limiters'],
    [Array(9).fill('none'), 'not a list of 1 to 8 limiters'],
    [[3], 'not a list of 1 to 8 limiters'],
    [['none', ''], 'not a list of 1 to 8 limiters'],
    ['none+', 'not a list of 1 to 8 limiters'],
    ['[none', 'not a list of 1 to 8 limiters'],
    [['nones'], 'unknown limiter "nones"; nearest valid: none'],
    ['token-bucket', 'option rate is missing'],
  ])('not as %j', (of, message) => {
    expect(() => limiterFromConfig({ name: 'min', of })).toThrow(message);
  });

  it('with at most eight parts', () => {
    expect(() => limiterFromConfig({ name: 'min', of: Array(8).fill('none') })).not.toThrow();
  });
});

it('brackets that do not match are a mistake of the shorthand', () => {
  for (const text of ['min,of=[none', 'min,of=none]', 'min,of=[none]]'])
    expect(() => parseLimiter(text)).toThrow(/brackets that do not match/);
});

it('a shorthand has at most 4096 letters', () => {
  expect(() => parseLimiter('none'.padEnd(4096))).not.toThrow();
  expect(() => parseLimiter('none'.padEnd(4097))).toThrow(/longer than 4096 letters/);
});

it('the default is such a composition, under its own name', () => {
  const limiter = parseLimiter('gentle');
  expect(limiter.name).toBe('gentle');
  const observation = quietObservation({ preImages: { bytes: 2 ** 25, maxBytes: 2 ** 28 } });
  const step = limiter.step(limiter.initial(NOW), observation);
  expect(step.grant).toMatchObject({ pages: 0, reason: 'reserve: store kept for faults' });
  expect(step).toEqual(gentle().step(gentle().initial(NOW), observation));
});
