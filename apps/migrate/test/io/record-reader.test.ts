import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { recordReader } from '../../src/io/tls-reader.ts';

test('a read that takes what came before it was told does not make the next one see an end', async () => {
  const socket = new PassThrough();
  const read = recordReader(socket);
  const into = new Uint8Array(16);
  socket.emit('data', Uint8Array.of(1, 2, 3));
  expect(await read(into)).toBe(3);
  let isSettled = false;
  const next = read(into).finally(() => {
    isSettled = true;
  });
  // The turn in which the first three bytes would have been told of.
  await setImmediate();
  await setImmediate();
  expect(isSettled).toBe(false);
  socket.emit('data', Uint8Array.of(4));
  expect(await next).toBe(1);
  socket.emit('end');
  expect(await read(into)).toBe(0);
});
