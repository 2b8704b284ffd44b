import { expect, test } from 'vitest';
import { parseArguments, UsageError } from '../src/arguments.ts';

const KNOWN = ['arm', 'sweep'];

test('nothing said: everything, at full size, for people', () => {
  expect(parseArguments([], KNOWN)).toEqual({
    names: [],
    isList: false,
    isHelp: false,
    isQuick: false,
    format: 'text',
    rounds: undefined,
  });
});

test('names and options in any order', () => {
  expect(parseArguments(['--quick', 'sweep', '--json', 'arm', '--rounds', '7'], KNOWN)).toMatchObject({
    names: ['sweep', 'arm'],
    isQuick: true,
    format: 'json',
    rounds: 7,
  });
  expect(parseArguments(['--markdown'], KNOWN).format).toBe('markdown');
});

test.each([
  [['swep'], /no benchmark swep; there are arm, sweep/],
  [['--json', '--markdown'], /one of them/],
  [['--rounds', '0'], /from 1 to 101/],
  [['--rounds', '102'], /from 1 to 101/],
  [['--rounds', '1.5'], /from 1 to 101/],
  [['--fast'], /--fast/],
])('%s is a mistake of the caller', (argv, message) => {
  expect(() => parseArguments(argv, KNOWN)).toThrow(UsageError);
  expect(() => parseArguments(argv, KNOWN)).toThrow(message);
});

test.each(['1', '101'])('%s rounds are allowed', (rounds) => {
  expect(parseArguments(['--rounds', rounds], KNOWN).rounds).toBe(Number(rounds));
});
