import { describe, expect, it } from 'vitest';
import { Interruption } from '../src/interruption.ts';
import { hang } from './fixture.ts';

describe('interruption', () => {
  it('lets work through while nothing happens', async () => {
    const interruption = new Interruption('the test');
    await expect(interruption.race(Promise.resolve(7))).resolves.toBe(7);
    await expect(interruption.race(Promise.reject(new Error('own')))).rejects.toThrow('own');
    expect(() => interruption.check()).not.toThrow();
    expect(interruption.error).toBeUndefined();
  });

  it('ends every race with the first error', async () => {
    const interruption = new Interruption('the test');
    const first = new Error('first');
    const races = [interruption.race(hang()), interruption.race(hang())];
    interruption.interrupt(first);
    interruption.interrupt(new Error('second'));
    for (const outcome of await Promise.allSettled(races)) expect(outcome).toMatchObject({ reason: first });
    await expect(interruption.race(Promise.resolve(7))).rejects.toBe(first);
    expect(() => interruption.check()).toThrow(first);
    expect(interruption.signal.aborted).toBe(true);
  });

  it('follows a signal until it is told to forget it', async () => {
    const abort = new AbortController();
    const forgotten = new Interruption('the test');
    forgotten.follow(abort.signal)();
    const followed = new Interruption('the test');
    followed.follow(abort.signal);
    abort.abort('enough');
    expect(forgotten.isInterrupted).toBe(false);
    expect(followed.error).toMatchObject({
      code: 'aborted',
      message: 'the test was aborted',
      cause: 'enough',
    });
    const late = new Interruption('the test');
    late.follow(abort.signal);
    expect(late.isInterrupted).toBe(true);
  });

  it('gives scopes that end by themselves, or by the interruption', () => {
    const interruption = new Interruption('the test');
    const one = interruption.scope();
    const other = interruption.scope();
    one.end();
    expect([one.signal.aborted, other.signal.aborted]).toEqual([true, false]);
    interruption.interrupt(new Error('now'));
    expect(other.signal.aborted).toBe(true);
    expect(interruption.scope().signal.aborted).toBe(true);
  });
});
