/* oxlint-disable no-await-in-loop -- one transfer after the other */
import { SESSION_FRAME_BYTES } from '@stillframe/page-stream';
import { describe, expect, it } from 'vitest';
import { failureOf, harmTo } from '../fixture.ts';
import { type Cut, switchboard } from './switchboard.ts';

/** Both sides to the end, with everything that has to be true then. */
async function transfer(cuts: readonly Cut[], bufferBytes = 4096) {
  const board = switchboard(cuts, { bufferBytes });
  const [{ summary, link }, received] = await Promise.all([board.send(), board.receive()]);
  expect(received.digest).toBe(summary.digest);
  expect(board.target.isCommitted).toBe(true);
  expect(await harmTo(board.guest)).toEqual([]);
  await board.host.settled();
  return { ...board, summary, link, received };
}

/** Densely where frames begin and end, and here and there in between. */
function positions(from: number, bytes: number): number[] {
  const all = new Set<number>();
  for (let at = from; at <= Math.min(bytes, from + 700); at += 17) all.add(at);
  for (let at = from; at < bytes; at += 1499) all.add(at);
  for (let at = Math.max(from, bytes - 400); at <= bytes; at += 13) all.add(at);
  return [...all];
}

const GREETED = SESSION_FRAME_BYTES + 1;

describe('a session whose connection never breaks', () => {
  it('is a connection', async () => {
    const { link, received, connections, events, summary } = await transfer([]);
    expect(received.acknowledged).toBe(true);
    expect(link).toEqual({ linked: false, reconnects: 0, resentBytes: 0, offlineMs: 0 });
    expect(connections()).toBe(1);
    expect(events).toEqual([]);
    expect(summary.bytes).toBeGreaterThan(30_000);
  });
});

describe.for(['sever', 'close', 'hang'] as const)('a connection that breaks (%s)', (how) => {
  it('at any byte from the source', async () => {
    const { written, summary } = await transfer([]);
    for (const atByte of positions(GREETED, written.source - 1)) {
      const { link, connections } = await transfer([{ side: 'source', atByte, how }]);
      expect(connections(), `cut at ${atByte}`).toBeLessThanOrEqual(2);
      // At most what was on its way: the buffer between them, and what one side had in its hands.
      expect(link.resentBytes, `cut at ${atByte}`).toBeLessThan(summary.bytes);
    }
  });

  it('at any byte from the destination', async () => {
    const { written } = await transfer([]);
    for (const atByte of positions(GREETED, written.destination - 1)) {
      const { connections } = await transfer([{ side: 'destination', atByte, how }]);
      expect(connections(), `cut at ${atByte}`).toBeLessThanOrEqual(2);
    }
  });

  it('again and again, at places that nobody has chosen', async () => {
    let seed = 20_201_118;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let round = 0; round < 40; round++) {
      const cuts = Array.from(
        { length: 1 + random(5) },
        (): Cut => ({
          side: random(2) === 0 ? 'source' : 'destination',
          atByte: GREETED + random(random(2) === 0 ? 300 : 20_000),
          how: (['sever', 'close', 'hang'] as const)[random(3)]!,
        }),
      );
      const { link, connections } = await transfer(cuts, 256 + random(8000));
      expect(link.reconnects).toBeLessThanOrEqual(connections() - 1);
    }
  });
});

describe('before there is a session', () => {
  it('a break is the end, and the guest was not touched', async () => {
    for (const side of ['source', 'destination'] as const) {
      for (const how of ['sever', 'close', 'hang'] as const) {
        for (const atByte of [1, 40, SESSION_FRAME_BYTES - 1]) {
          const { send, receive, guest, host } = switchboard([{ side, atByte, how }], {
            host: { firstWordMs: 300, waitMs: 1000 },
          });
          const receiving = receive().catch(() => undefined);
          const failure = await failureOf(send());
          expect(failure, `${side} ${how} ${atByte}`).toMatchObject({
            code: 'peer-lost',
            operands: { stage: 'hello' },
          });
          expect(guest.steps).toEqual([]);
          host.close();
          void receiving;
        }
      }
    }
  });
});
