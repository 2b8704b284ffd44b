import { describe, expect, it } from 'vitest';
import { parseArguments } from '../src/arguments.ts';
import { findBrowser } from '../src/browser.ts';
import { LabError } from '../src/lab-error.ts';
import { MIB } from './small.ts';

describe('the command line', () => {
  it('has defaults', () => {
    expect(parseArguments([])).toMatchObject({
      guestBytes: 256 * MIB,
      preImagesMaxBytes: 64 * MIB,
      overflows: ['spill', 'stall'],
      out: 'limiter-lab.html',
      isReal: false,
    });
    expect(parseArguments(['--quick'])).toMatchObject({ guestBytes: 64 * MIB, overflows: ['spill'] });
  });

  it('--png goes beside the report, or where it is told', () => {
    expect(parseArguments([]).png).toBeUndefined();
    expect(parseArguments(['--png', '--out', 'a/b.html']).png).toBe('a/b.png');
    expect(parseArguments(['--out', 'b.html', '--png']).png).toBe('b.png');
    expect(parseArguments(['--png', 'c.png']).png).toBe('c.png');
  });

  it.each([
    [['nothing'], /what is nothing/],
    [['--nothing'], /nothing/],
    [['--workload', 'steady,none'], /there is no none; there are steady/],
    [['--sink', 'black-hole'], /black-hole/],
    [['--guest', '5 potatoes'], /--guest/],
    [['--guest', '4KiB'], /1MiB to 16GiB/],
    [['--guest', '17GiB'], /1MiB to 16GiB/],
    [['--store', '0B'], /--store/],
    [['--overflow', 'abort'], /spill, stall or both/],
    [['--seed', '-1'], /seed/],
    [['--seed', '4294967296'], /seed/],
    [['--rounds', '0'], /rounds/],
    [['--rounds', '100'], /rounds/],
  ])('%j is a mistake', (argv, message) => {
    expect(() => parseArguments(argv)).toThrow(message);
    expect(() => parseArguments(argv)).toThrow(LabError);
  });

  it('the bounds themselves are none', () => {
    expect(parseArguments(['--guest', '1MiB']).guestBytes).toBe(MIB);
    expect(parseArguments(['--guest', '16GiB']).guestBytes).toBe(16 * 2 ** 30);
    expect(parseArguments(['--seed', '4294967295']).seed).toBe(2 ** 32 - 1);
    expect(parseArguments(['--rounds', '99']).rounds).toBe(99);
    expect(parseArguments(['--rounds', '1']).rounds).toBe(1);
  });
});

it('without Chromium it is said what to do', async () => {
  const failure = await findBrowser({ PATH: '/nowhere' }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'LAB_NO_BROWSER', exitCode: 16 });
  await expect(
    findBrowser({ PATH: process.env['PATH'], CHROMIUM: '/nowhere/chromium' }),
  ).rejects.toMatchObject({
    code: 'LAB_NO_BROWSER',
  });
});
