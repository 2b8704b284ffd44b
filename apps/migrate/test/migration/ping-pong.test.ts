import { expect, it } from 'vitest';
import { runClientLoad } from '../../src/kv-service/client-load.ts';
import { kvMovable } from '../../src/kv-service/kv-movable.ts';
import { freePort, OWN_HOST as HOST } from '../free-port.ts';
import { moveOver } from './ping-pong.ts';

const MOVES = 100;
const SIZE_BYTES = 4 * 2 ** 20;

it(`a kv store moves back and forth ${MOVES} times, and its clients lose nothing and double nothing`, async () => {
  const ports = [await freePort(), await freePort()];
  const endpoints = ports.map((port) => ({ host: HOST, port }));
  const places = ports.map((port) => ({ listen: `${HOST}:${port}` }));
  let running = await kvMovable.start({ sizeBytes: String(SIZE_BYTES), ...places[0] });
  const stop = new AbortController();
  const load = runClientLoad({
    endpoints,
    clients: 3,
    ratePerSecond: 0,
    keys: 20,
    seconds: 600,
    signal: stop.signal,
  });
  try {
    for (let move = 1; move <= MOVES; move++) {
      // oxlint-disable-next-line no-await-in-loop -- one move after the other
      running = await moveOver(kvMovable, running, 'precopy', places[move % 2]!);
    }
    stop.abort();
    const result = await load;
    expect(result).toMatchObject({ lost: 0, doubled: 0, firstWrong: '' });
    // Every client followed every move.
    expect(result.connections).toBeGreaterThanOrEqual(3 * MOVES);
  } finally {
    stop.abort();
    await running.stop('ended');
  }
}, 120_000);
