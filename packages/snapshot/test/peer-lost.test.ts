import { ControlEncoder, ownHello } from '@stillframe/page-stream';
import { describe, expect, it } from 'vitest';
import { openPeerSink, streamToPeer } from '../src/index.ts';
import { Barrier, type SimulatedClock, SimulatedTarget } from '../src/simulated/index.ts';
import { harmTo, failureOf, smallGuest, snapshotOptions, TestSink } from './fixture.ts';
import { SHORT, setUp, start, outcomes, limited, counting, slowToHear, readAll } from './peer-stage.ts';

describe('the source gives up', () => {
  it('in the middle of a frame: nothing is said that would be read as pages', async () => {
    const { guest, target, clock, connection, send, receive } = setUp({}, 100);
    const abort = new AbortController();
    const sending = send({ signal: abort.signal });
    const slow = new SimulatedTarget({
      before: async (step) => {
        if (step !== 'writePages') return;
        abort.abort();
        await clock.after(1);
      },
    });
    const [source, destination] = await outcomes(sending, receive({ target: slow }));
    expect(source.code).toBe('aborted');
    expect(destination.code).toBe('peer-lost');
    expect(connection.misuse).toEqual([]);
    expect(target.isCommitted).toBe(false);
    expect(await harmTo(guest)).toEqual([]);
  });

  it('once, however often it is told to', async () => {
    const { connection, clock } = setUp();
    const { source, destination } = connection;
    const opening = openPeerSink({ transport: source, clock });
    await destination.write([new ControlEncoder().hello(ownHello('destination'))]);
    const sink = await opening;
    const told = readAll(destination);
    await Promise.all([sink.abort(new Error('first')), sink.abort(new Error('second'))]);
    const control = new ControlEncoder();
    const hello = control.hello(ownHello('source'));
    expect(await told).toBe(
      hello.byteLength + control.abort({ code: 'UNKNOWN', message: 'first' }).byteLength,
    );
    await expect(sink.write([new Uint8Array(1)])).rejects.toMatchObject({ code: 'aborted' });
    await expect(sink.end()).rejects.toMatchObject({ code: 'aborted' });
  });

  it.for(['open', 'pause', 'saveState', 'arm', 'pull', 'close'] as const)(
    'because its guest fails at %s',
    async (step) => {
      const { connection, target, receive, clock } = setUp();
      const { guest } = smallGuest({
        clock,
        before: (asked) => {
          if (asked === step) throw new Error('not today');
        },
      });
      const { sink: _, ...options } = snapshotOptions(guest, new TestSink(), { clock });
      const sending = start(streamToPeer({ ...options, transport: connection.source }));
      const [source, destination] = await outcomes(sending, receive());
      expect(destination).toMatchObject({ code: 'peer-aborted', operands: { peerCode: source.code } });
      expect(destination.message).toContain('not today');
      expect(target.isCommitted).toBe(false);
    },
  );

  it('by an abort before it has said HELLO', async () => {
    const { send, connection } = setUp();
    expect((await failureOf(send({ signal: AbortSignal.abort('early') }))).code).toBe('aborted');
    expect(await connection.destination.read(new Uint8Array(9))).toBe(0);
  });

  it('by an abort while the destination is silent', async () => {
    const { guest, send } = setUp();
    const abort = new AbortController();
    const sending = send({ signal: abort.signal });
    abort.abort();
    expect((await failureOf(sending)).code).toBe('aborted');
    expect(guest.steps).toEqual([]);
  });

  it('by an abort while it waits for the ACK: the image may be complete', async () => {
    const { guest, target, send, receive } = setUp();
    const abort = new AbortController();
    const verify = () => {
      abort.abort('enough');
      return { verified: true };
    };
    const sending = send({ signal: abort.signal });
    const receiving = receive({ verify });
    const failure = await failureOf(sending);
    expect(failure).toMatchObject({ code: 'aborted', operands: { stage: 'ack', imageMayBeComplete: true } });
    const received = await receiving;
    // It was complete. Ownership has not moved, so the destination keeps its image and the source its guest.
    expect(received.acknowledged).toBe(false);
    expect(target.isCommitted).toBe(true);
    expect(await harmTo(guest)).toEqual([]);
  });
});

async function bytesEachWay() {
  const forth = { bytes: 0 };
  const back = { bytes: 0 };
  const { send, receive } = setUp({ source: counting(forth), destination: counting(back) });
  await Promise.all([send(), receive()]);
  return { forth: forth.bytes, back: back.bytes };
}

function positions(bytes: number): number[] {
  const all = new Set<number>();
  for (let at = 1; at <= Math.min(bytes, 600); at += 13) all.add(at);
  for (let at = 600; at < bytes; at += 1999) all.add(at);
  for (let at = Math.max(1, bytes - 200); at <= bytes; at += 11) all.add(at);
  return [...all];
}

describe('the connection is lost', () => {
  it('at any byte from the source', async () => {
    const { forth } = await bytesEachWay();
    expect(forth).toBeGreaterThan(30_000);
    for (const at of positions(forth - 1)) {
      const { guest, target, send, receive } = setUp({ source: limited(at, 'sever') });
      // oxlint-disable-next-line no-await-in-loop -- one transfer after the other
      const [source, destination] = await outcomes(send(), receive());
      expect(source, `cut at ${at}`).toMatchObject({
        code: 'peer-lost',
        operands: { imageMayBeComplete: false },
      });
      expect(destination, `cut at ${at}`).toMatchObject({ code: 'peer-lost' });
      expect(target.isCommitted).toBe(false);
      expect(target.steps.at(-1)).toBe('discard');
      // oxlint-disable-next-line no-await-in-loop -- one transfer after the other
      expect(await harmTo(guest)).toEqual([]);
    }
  });

  it('at any byte of the HELLO of the destination', async () => {
    const helloBytes = new ControlEncoder().hello(ownHello('destination')).byteLength;
    for (let at = 1; at < helloBytes; at++) {
      const { guest, target, send, receive } = setUp({ destination: limited(at, 'sever') });
      // oxlint-disable-next-line no-await-in-loop -- one transfer after the other
      const [source, destination] = await outcomes(send(), receive());
      expect(source).toMatchObject({
        code: 'peer-lost',
        operands: { stage: 'hello', imageMayBeComplete: false },
      });
      expect(destination.code).toBe('peer-lost');
      expect(target.isCommitted).toBe(false);
      expect(guest.steps).toEqual([]);
    }
  });

  it('at any byte of the ACK: the image is there, and the source cannot know', async () => {
    const { back } = await bytesEachWay();
    const helloBytes = new ControlEncoder().hello(ownHello('destination')).byteLength;
    expect(back).toBeGreaterThan(helloBytes + 30);
    for (let at = helloBytes + 1; at < back; at++) {
      const { guest, target, send, receive } = setUp({ destination: limited(at, 'sever') });
      // oxlint-disable-next-line no-await-in-loop -- one transfer after the other
      const [source, received] = await Promise.all([failureOf(send()), receive()]);
      expect(source).toMatchObject({
        code: 'peer-lost',
        operands: { stage: 'ack', imageMayBeComplete: true },
      });
      expect(received.acknowledged).toBe(false);
      expect(target.isCommitted).toBe(true);
      // oxlint-disable-next-line no-await-in-loop -- one transfer after the other
      expect(await harmTo(guest)).toEqual([]);
    }
  });

  it('by a destination that closes in good order, but too early', async () => {
    const { guest, connection, send } = setUp();
    await connection.destination.write([new ControlEncoder().hello(ownHello('destination'))]);
    await connection.destination.end();
    const failure = await failureOf(send());
    expect(failure).toMatchObject({ code: 'peer-lost' });
    expect(failure.message).toContain('closed the connection');
    expect(await harmTo(guest)).toEqual([]);
  });

  it('by a destination that says why and closes at once: the reason is heard', async () => {
    const { guest, connection, send } = setUp({ source: slowToHear }, 2 ** 20);
    const { destination } = connection;
    const control = new ControlEncoder();
    const sending = send();
    await destination.read(new Uint8Array(4096));
    await destination.write([control.hello(ownHello('destination'))]);
    await destination.read(new Uint8Array(2 ** 20));
    await destination.write([control.abort({ code: 'target-failed', message: 'disk full' })]);
    // oxlint-disable-next-line no-await-in-loop -- until the buffer is empty
    while ((await destination.read(new Uint8Array(2 ** 20))) > 4096);
    await destination.destroy();
    const failure = await failureOf(sending);
    expect(failure).toMatchObject({ code: 'peer-refused', operands: { peerCode: 'target-failed' } });
    expect(await harmTo(guest)).toEqual([]);
  });
});

async function elapsedMs(clock: SimulatedClock, work: () => Promise<unknown>): Promise<number> {
  const startNs = clock.nowNs();
  await work();
  return (clock.nowNs() - startNs) / 1e6;
}

describe('the other side is silent', () => {
  it('the destination before HELLO', async () => {
    const { guest, clock, send } = setUp();
    const sending = send();
    const waited = await elapsedMs(clock, async () => {
      expect(await failureOf(sending)).toMatchObject({ code: 'peer-lost', operands: { stage: 'hello' } });
    });
    expect(waited).toBeGreaterThanOrEqual(SHORT.helloMs);
    expect(guest.steps).toEqual([]);
  });

  it('the destination takes nothing', async () => {
    const { guest, connection, send } = setUp();
    await connection.destination.write([new ControlEncoder().hello(ownHello('destination'))]);
    expect(await failureOf(send())).toMatchObject({ code: 'peer-lost', operands: { stage: 'stream' } });
    expect(await harmTo(guest)).toEqual([]);
  });

  it('the destination after END', async () => {
    const { guest, connection, send } = setUp();
    await connection.destination.write([new ControlEncoder().hello(ownHello('destination'))]);
    const received = readAll(connection.destination);
    expect(await failureOf(send())).toMatchObject({
      code: 'peer-lost',
      operands: { stage: 'ack', imageMayBeComplete: true },
    });
    expect(await received).toBeGreaterThan(30_000);
    expect(await harmTo(guest)).toEqual([]);
  });

  it('the source before HELLO', async () => {
    const { clock, receive, target } = setUp();
    const receiving = receive();
    const waited = await elapsedMs(clock, async () => {
      expect(await failureOf(receiving)).toMatchObject({ code: 'peer-lost', operands: { stage: 'hello' } });
    });
    expect(waited).toBeGreaterThanOrEqual(SHORT.helloMs);
    expect(waited).toBeLessThan(SHORT.silenceMs);
    expect(target.isCommitted).toBe(false);
  });

  it('the source in the middle', async () => {
    const { clock, receive, send, target } = setUp({ source: limited(9000, 'hang') });
    const sending = send();
    sending.catch(() => {});
    expect(await failureOf(receive())).toMatchObject({ code: 'peer-lost', operands: { stage: 'image' } });
    expect(target.steps.at(-1)).toBe('discard');
    await failureOf(sending);
    expect(clock.nowNs()).toBeGreaterThan(0);
  });

  it('a source that goes on sending after a refusal is not listened to for ever', async () => {
    const { connection, clock, receive } = setUp();
    const control = new ControlEncoder();
    const { source } = connection;
    const stop = new Barrier();
    const flood = async () => {
      await source.write([control.hello(ownHello('source'))]);
      // oxlint-disable-next-line no-await-in-loop -- a flood
      while (!stop.isLifted) await source.write([new Uint8Array(4096)]);
    };
    const flooding = flood().catch(() => stop.lift());
    expect((await failureOf(receive())).code).toBe('corrupt-stream');
    await flooding;
    expect(stop.isLifted).toBe(true);
    expect(clock.nowNs()).toBeGreaterThan(0);
  });
});
