import {
  SESSION_FRAME_BYTES,
  type SessionFrame,
  SessionReader,
  SessionWriter,
} from '@stillframe/page-stream';
import { describe, expect, it } from 'vitest';
import { openSession, SessionHost, type Transport } from '../../src/index.ts';
import { simulatedClock, simulatedConnection } from '../../src/simulated/index.ts';
import { failureOf, harmTo } from '../fixture.ts';
import { type Cut, LONG, switchboard } from './switchboard.ts';

const clock = simulatedClock({ autoAdvance: true });

function fakeRandom() {
  let next = 0;
  return (byteCount: number) => new Uint8Array(byteCount).fill(++next);
}

function newHost(more: ConstructorParameters<typeof SessionHost>[0] = {}) {
  return new SessionHost({ clock, randomBytes: fakeRandom(), silenceMs: 400, waitMs: 5000, ...more });
}

/** Says `first` to a host, and what it answers. */
async function greet(host: SessionHost, first: SessionFrame) {
  const { source, destination } = simulatedConnection();
  const admitting = host.admit(destination);
  const writer = new SessionWriter();
  await source.write([writer.frame(first)]);
  const admission = await admitting;
  const transport = admission.kind === 'session' ? admission.accept() : undefined;
  const reader = new SessionReader('destination');
  const bytes = new Uint8Array(SESSION_FRAME_BYTES);
  const answer = (await source.read(bytes)) === 0 ? undefined : reader.read(bytes, 0);
  return { admission, transport, source, writer, answer };
}

async function readSome(transport: Transport, count: number): Promise<number[]> {
  const bytes = new Uint8Array(count);
  return [...bytes.subarray(0, await transport.read(bytes))];
}

const open = { type: 'open', silenceMs: 400 } as const;

/** What a granted session answers to, 5 bytes into the stream of the source. */
async function begun(more: ConstructorParameters<typeof SessionHost>[0] = {}) {
  const host = newHost(more);
  const one = await greet(host, open);
  await one.source.write([
    one.writer.frame({ type: 'data', at: 0, byteCount: 5 }),
    Uint8Array.of(1, 2, 3, 4, 5),
  ]);
  expect(await readSome(one.transport!, 100)).toEqual([1, 2, 3, 4, 5]);
  if (one.answer?.type !== 'granted') throw new Error('no session was granted');
  const { id, token } = one.answer;
  return { host, ...one, transport: one.transport!, ticket: { id, token } };
}

function resume(ticket: { id: Uint8Array; token: Uint8Array }, received = 0) {
  return { type: 'resume', received, silenceMs: 400, ...ticket } as const;
}

describe('SessionHost', () => {
  it('passes on who speaks the page stream, with every byte', async () => {
    const { source, destination } = simulatedConnection();
    const admitting = newHost().admit(destination);
    await source.write([Uint8Array.from({ length: 90 }, (_, at) => at)]);
    const admission = await admitting;
    expect(admission.kind).toBe('plain');
    const transport = admission.kind === 'plain' ? admission.transport : destination;
    expect(await readSome(transport, 7)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(await readSome(transport, 200)).toHaveLength(73);
    expect(await readSome(transport, 200)).toHaveLength(10);
  });

  it('passes on who says little, and then who says more', async () => {
    const { source, destination } = simulatedConnection();
    const admission = await newHost({ firstWordMs: 10 }).admit(destination);
    expect(admission.kind).toBe('plain');
    const reading = readSome(admission.kind === 'plain' ? admission.transport : destination, 9);
    await source.write([Uint8Array.of(7)]);
    await source.end();
    expect(await reading).toEqual([7]);
  });

  it('passes on what is wrong with a connection', async () => {
    const { source, destination } = simulatedConnection();
    const admitting = newHost().admit({
      ...destination,
      async read(into) {
        if ((await destination.read(into)) > 0) throw new Error('it speaks TLS');
        return 0;
      },
    });
    await source.write([new Uint8Array(90)]);
    const admission = await admitting;
    const transport = admission.kind === 'plain' ? admission.transport : destination;
    await expect(readSome(transport, 9)).rejects.toThrow('it speaks TLS');
  });

  it('goes on where the source is', async () => {
    const { host, transport, ticket, source } = await begun();
    await source.destroy();
    const reading = readSome(transport, 100);
    const again = await greet(host, resume(ticket));
    expect(again.answer).toMatchObject({ type: 'resumed', received: 5 });
    await again.source.write([again.writer.frame({ type: 'data', at: 5, byteCount: 1 }), Uint8Array.of(6)]);
    expect(await reading).toEqual([6]);
    host.close();
  });

  it('lets a right token take the place of a connection that seems to live', async () => {
    const { host, transport, ticket, source } = await begun();
    const reading = readSome(transport, 100);
    const again = await greet(host, resume(ticket));
    expect(again.answer).toMatchObject({ type: 'resumed', received: 5 });
    await again.source.write([again.writer.frame({ type: 'data', at: 5, byteCount: 1 }), Uint8Array.of(6)]);
    expect(await reading).toEqual([6]);
    const rest = new Uint8Array(SESSION_FRAME_BYTES);
    expect(await source.read(rest).catch(() => 0)).toBe(0);
    host.close();
  });

  it('does not tell a wrong token from a wrong id, and leaves the session alone', async () => {
    const { host, ticket, transport, source, writer } = await begun();
    const wrong = { ...ticket, token: ticket.token.map((byte, at) => (at === 15 ? byte ^ 1 : byte)) };
    const nobody = { ...ticket, id: new Uint8Array(16) };
    expect((await greet(host, resume(wrong))).answer).toEqual({ type: 'refused', reason: 'unknown' });
    expect((await greet(host, resume(nobody))).answer).toEqual({ type: 'refused', reason: 'unknown' });
    await source.write([writer.frame({ type: 'data', at: 5, byteCount: 1 }), Uint8Array.of(6)]);
    expect(await readSome(transport, 100)).toEqual([6]);
    host.close();
  });

  it('does not take a source that has nothing to say for lost', async () => {
    const { source, destination } = simulatedConnection();
    const host = newHost({ silenceMs: 300 });
    const opening = openSession({ connect: async () => source, clock, silenceMs: 200 });
    const admission = await host.admit(destination);
    const transport = admission.kind === 'session' ? admission.accept() : destination;
    const session = await opening;
    const answer = session.read(new Uint8Array(1));
    const reading = readSome(transport, 9);
    await clock.after(10_000);
    expect(session.link()).toMatchObject({ linked: true, reconnects: 0 });
    await session.write([Uint8Array.of(1)]);
    expect(await reading).toEqual([1]);
    await transport.write([Uint8Array.of(2)]);
    expect(await answer).toBe(1);
    host.close();
    await session.destroy();
  });

  it('refuses an offset that it never said, and waits for a better one', async () => {
    const { host, ticket, source } = await begun();
    await source.destroy();
    expect((await greet(host, resume(ticket, 1))).answer).toEqual({ type: 'refused', reason: 'offset' });
    expect((await greet(host, resume(ticket, 0))).answer).toMatchObject({ type: 'resumed' });
    host.close();
  });

  it('has room for so many sessions and no more', async () => {
    const host = newHost({ maxSessions: 2 });
    expect((await greet(host, open)).answer?.type).toBe('granted');
    expect((await greet(host, open)).answer?.type).toBe('granted');
    expect((await greet(host, open)).answer).toEqual({ type: 'refused', reason: 'full' });
    host.close();
    expect((await greet(host, open)).answer?.type).toBe('granted');
    host.close();
  });

  it('gives a source up that does not come back', async () => {
    const { host, transport, ticket, source } = await begun({ waitMs: 700 });
    const before = clock.nowNs();
    await source.destroy();
    await expect(transport.read(new Uint8Array(9))).rejects.toThrow('did not come back in 0.7 s');
    expect(clock.nowNs() - before).toBeGreaterThanOrEqual(700e6);
    expect(host.size).toBe(0);
    expect((await greet(host, resume(ticket))).answer).toEqual({ type: 'refused', reason: 'unknown' });
  });

  it.for([
    ['data', { type: 'data', at: 4, byteCount: 1 }],
    ['the end', { type: 'finished', at: 6 }],
    ['a confirmation', { type: 'received', at: 1 }],
  ] as const)('refuses %s at an offset that cannot be: the image is not half', async ([, frame]) => {
    const { host, transport, source, writer } = await begun();
    await source.write([writer.frame(frame)]);
    await expect(transport.read(new Uint8Array(9))).rejects.toMatchObject({ code: 'corrupt-stream' });
    host.close();
  });
});

async function whole(cuts: readonly Cut[]) {
  const board = switchboard(cuts);
  const [{ summary }] = await Promise.all([board.send(), board.receive()]);
  return { ...board, summary };
}

describe('a source', () => {
  it('is told that the destination does not know it any more', async () => {
    const states: string[] = [];
    const board = switchboard([{ side: 'source', atByte: 4000, how: 'sever' }], {
      source: {
        onEvent: (event) => {
          states.push(event.state);
          if (event.state === 'lost') board.host.close();
        },
      },
    });
    const [source, destination] = await Promise.all([failureOf(board.send()), failureOf(board.receive())]);
    expect(source).toMatchObject({ code: 'peer-lost', operands: { imageMayBeComplete: false } });
    expect(source.message).toContain('does not know this session');
    expect(destination.code).toBe('peer-lost');
    expect(states).toEqual(['lost', 'given-up']);
    expect(board.target.isCommitted).toBe(false);
    expect(await harmTo(board.guest)).toEqual([]);
  });

  it('learns over another connection what became of its image', async () => {
    const { written } = await whole([]);
    // The last frames of the destination: ACK, and FINISHED behind it.
    const lastWords = 2 * SESSION_FRAME_BYTES + 56;
    for (const back of [0, 1, SESSION_FRAME_BYTES, SESSION_FRAME_BYTES + 1, lastWords]) {
      const cut = { side: 'destination', atByte: written.destination - back - 1, how: 'sever' } as const;
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { target, host, summary } = await whole([cut]);
      expect(summary.ack.outcome).toBe('done');
      expect(target.isCommitted).toBe(true);
      // oxlint-disable-next-line no-await-in-loop -- as above
      await host.settled();
    }
  });

  it('learns the outcome from a destination whose receiver has ended', async () => {
    const { host, transport, ticket, source } = await begun();
    await source.destroy();
    void transport.write([Uint8Array.of(9, 8)]).catch(() => undefined);
    void transport.end().catch(() => undefined);
    await transport.destroy();
    expect(host.size).toBe(1);
    const again = await greet(host, resume(ticket));
    const said = new Uint8Array(2 * SESSION_FRAME_BYTES + 2);
    let at = 0;
    // oxlint-disable-next-line no-await-in-loop -- to the end of the last words
    while (at < said.byteLength) at += await again.source.read(said.subarray(at));
    expect([...said.subarray(SESSION_FRAME_BYTES, SESSION_FRAME_BYTES + 2)]).toEqual([9, 8]);
    await again.source.write([
      again.writer.frame({ type: 'received', at: 2 }),
      again.writer.frame({ type: 'finished', at: 5 }),
    ]);
    await host.settled();
    expect(host.size).toBe(0);
  });

  it('gives up when its budget is spent, and says how long it has tried', async () => {
    const { source, destination } = simulatedConnection();
    const host = newHost();
    let connections = 0;
    const events: { state: string }[] = [];
    const opening = openSession({
      connect: async () => {
        if (++connections > 1) throw new Error('no route');
        return source;
      },
      clock,
      budgetMs: 3000,
      random: () => 1,
      onEvent: (event) => events.push(event),
    });
    const admission = await host.admit(destination);
    if (admission.kind === 'session') admission.accept();
    const session = await opening;
    await destination.destroy();
    await expect(session.read(new Uint8Array(1))).rejects.toThrow('no route; it did not come back in 3 s');
    // 100 + 200 + 400 + 800 ms, and the rest of the budget.
    expect(events.map(({ state }) => state)).toEqual(['lost', 'lost', 'lost', 'lost', 'lost', 'given-up']);
    await expect(session.write([new Uint8Array(1)])).rejects.toThrow('no route');
    host.close();
  });

  it('does not try again where that cannot help', async () => {
    const { source, destination } = simulatedConnection();
    const host = newHost();
    let connections = 0;
    const opening = openSession({
      connect: async () => {
        if (++connections > 1) throw new Error('wrong certificate');
        return source;
      },
      clock,
      isFinal: (error) => error instanceof Error && error.message === 'wrong certificate',
    });
    const admission = await host.admit(destination);
    if (admission.kind === 'session') admission.accept();
    const session = await opening;
    await destination.destroy();
    await expect(session.read(new Uint8Array(1))).rejects.toThrow('wrong certificate');
    expect(connections).toBe(2);
    host.close();
  });

  it('that is refused a session has not touched its guest', async () => {
    const { send, guest } = switchboard([], { host: { maxSessions: 0 } });
    expect(await failureOf(send(LONG))).toMatchObject({ code: 'peer-refused' });
    expect(guest.steps).toEqual([]);
  });
});
