import { describeLimiters } from '@stillframe/limiter';
import { expect, it } from 'vitest';
import { BASE_ID } from '../src/base-line.ts';
import { contestants } from '../src/policies.ts';

it('every policy of the registry takes part, or it is said why not', () => {
  const { taking, absent } = contestants('spill');
  const seen = new Set([...taking.map(({ policy }) => policy), ...absent.map(({ policy }) => policy)]);
  expect([...seen].toSorted()).toEqual(
    describeLimiters()
      .map(({ name }) => name)
      .toSorted(),
  );
  expect(absent.map(({ policy }) => policy)).toEqual(['module']);
  expect(new Set(taking.map(({ id }) => id)).size).toBe(taking.length);
  expect(taking.filter(({ store }) => store === 'inline').map(({ id }) => id)).toEqual([
    BASE_ID,
    'none inline',
  ]);
});
