import { expect, test } from 'vitest';
import { alternate } from '../src/rounds.ts';

test('every contender runs once a round, and the order turns around', async () => {
  const order: string[] = [];
  let running = 0;
  const contender = (name: string) => async () => {
    running += 1;
    expect(running).toBe(1);
    await Promise.resolve();
    running -= 1;
    order.push(name);
    return `${name}${order.filter((other) => other === name).length}`;
  };
  const talk: string[] = [];
  const results = await alternate(3, { a: contender('a'), b: contender('b') }, (text) => talk.push(text));
  expect(order.join('')).toBe('abbaab');
  expect(results).toEqual({ a: ['a1', 'a2', 'a3'], b: ['b1', 'b2', 'b3'] });
  expect(talk[2]).toBe('round 2 of 3: b');
});
