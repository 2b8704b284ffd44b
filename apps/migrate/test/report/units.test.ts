import { expect, test } from 'vitest';
import { showForeign } from '../../src/report/units.ts';

test('words of others do not speak to the terminal, and are cut', () => {
  expect(showForeign('redis-server *:6379')).toBe('redis-server *:6379');
  expect(showForeign('\u001b[2Jgone\nnext\u202e')).toBe('\uFFFD[2Jgone\uFFFDnext\uFFFD');
  expect(showForeign('x'.repeat(100))).toBe('x'.repeat(100));
  expect(showForeign('x'.repeat(101))).toBe(`${'x'.repeat(99)}…`);
});
