import { expect, it } from 'vitest';
import { NeedsBothSides } from '../../src/migration/needs-both-sides.ts';
import { keepingContext } from '../read-side/run-command.ts';

const WORDS = 'interrupt again to end it';

function begun() {
  const abort = new AbortController();
  const { context, written } = keepingContext(abort.signal);
  return { abort, both: new NeedsBothSides(abort.signal, context.report(false)), written };
}

it('an interruption in post-copy is answered, once', () => {
  const { abort, both, written } = begun();
  both.see(true);
  expect(written.stderr).toBe('');
  abort.abort('interrupted');
  both.see(true);
  expect(written.stderr.split(WORDS)).toHaveLength(2);
});

it('an interruption before it is answered when it begins, and one that is heard at once is not', () => {
  const { abort, both, written } = begun();
  both.see(false);
  abort.abort('interrupted');
  expect(written.stderr).toBe('');
  both.see(true);
  expect(written.stderr).toContain(WORDS);
});

it('nothing is said afterwards', () => {
  const { abort, both, written } = begun();
  both.see(true);
  both.see(false);
  both[Symbol.dispose]();
  abort.abort('interrupted');
  expect(written.stderr).toBe('');
});
