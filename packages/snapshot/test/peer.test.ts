import { ControlEncoder, FORMAT_VERSION, ownHello } from '@stillframe/page-stream';
import { afterEach, describe, expect, it } from 'vitest';
import {
  openPeerSink,
  type PeerReceiveOptions,
  type PeerSnapshotOptions,
  type PeerTimeouts,
  receiveFromPeer,
  streamToPeer,
  type Transport,
} from '../src/index.ts';
import { LAST_WORD_MS } from '../src/peer/limits.ts';
import {
  Barrier,
  type SimulatedClock,
  type SimulatedConnection,
  SimulatedTarget,
  simulatedConnection,
} from '../src/simulated/index.ts';
import {
  memoryDifference,
  harmTo,
  failureOf,
  hang,
  smallGuest,
  snapshotOptions,
  TestSink,
} from './fixture.ts';

type Wrapper = (transport: Transport, sever: () => void, clock: SimulatedClock) => Transport;

interface Wrap {
  readonly source?: Wrapper;
  readonly destination?: Wrapper;
}

const SHORT: PeerTimeouts = { helloMs: 50, writeMs: 100, silenceMs: 200, ackMs: 300 };

const connections: SimulatedConnection[] = [];

// Whatever happens, neither side may read or write twice at a time.
afterEach(() => {
  const misuse = connections.splice(0).flatMap((connection) => connection.misuse);
  if (misuse.length > 0) throw new Error(misuse.join(', '));
});

/** Both sides of one transfer, with whatever is between them. */
function setUp(wrap: Wrap = {}, bufferBytes = 4096) {
  const { guest, clock } = smallGuest();
  const target = new SimulatedTarget();
  const connection = simulatedConnection({ bufferBytes });
  connections.push(connection);
  const source = wrap.source?.(connection.source, connection.sever, clock) ?? connection.source;
  const destination =
    wrap.destination?.(connection.destination, connection.sever, clock) ?? connection.destination;
  const send = (more: Partial<PeerSnapshotOptions> = {}) => {
    const { sink: _, ...options } = snapshotOptions(guest, new TestSink(), { clock });
    return start(streamToPeer({ ...options, transport: source, timeouts: SHORT, ...more }));
  };
  const receive = (more: Partial<PeerReceiveOptions> = {}) =>
    receiveFromPeer({ transport: destination, target, clock, timeouts: SHORT, ...more }).result;
  return { guest, clock, target, connection, send, receive };
}

async function start(run: ReturnType<typeof streamToPeer>) {
  return (await run).result;
}

function outcomes<A, B>(sending: Promise<A>, receiving: Promise<B>) {
  return Promise.all([failureOf(sending), failureOf(receiving)]);
}

/** Passes on what is written until `bytes` of it; then the connection is cut, or nothing moves any more. */
function limited(bytes: number, then: 'sever' | 'hang') {
  return (transport: Transport, sever: () => void): Transport => {
    let left = bytes;
    return {
      ...transport,
      write: async (iovecs) => {
        for (const iovec of iovecs) {
          const part = iovec.subarray(0, left);
          left -= part.byteLength;
          // oxlint-disable-next-line no-await-in-loop -- in order
          await transport.write([part]);
          if (left > 0) continue;
          if (then === 'sever') sever();
          // oxlint-disable-next-line no-await-in-loop -- for ever
          else await hang();
        }
      },
    };
  };
}

function counting(counts: { bytes: number }) {
  return (transport: Transport): Transport => ({
    ...transport,
    write: async (iovecs) => {
      await transport.write(iovecs);
      counts.bytes += iovecs.reduce((sum, iovec) => sum + iovec.byteLength, 0);
    },
  });
}

/** Reads what comes after the HELLO late: a write behind it may have failed by then. */
function slowToHear(transport: Transport, _sever: () => void, clock: SimulatedClock): Transport {
  let reads = 0;
  return {
    ...transport,
    read: async (into) => {
      reads += 1;
      if (reads > 1) await clock.after(5);
      return transport.read(into);
    },
  };
}

describe('two peers', () => {
  it.for([1, 100, 4096, 2 ** 20])('agree on an image (buffer of %i bytes)', async (bufferBytes) => {
    const { guest, target, send, receive } = setUp({}, bufferBytes);
    const [sent, received] = await Promise.all([send(), receive()]);
    expect(memoryDifference(target.memory, guest.memoryAtCut)).toBe('');
    expect(target.isCommitted).toBe(true);
    expect(received).toMatchObject({ acknowledged: true, digest: sent.digest, pages: 12 });
    expect(sent.ack).toMatchObject({ outcome: 'done', digestVerified: true, oracleVerified: false });
    expect(await harmTo(guest)).toEqual([]);
  });

  it('pass the verdict of the oracle on', async () => {
    const { send, receive } = setUp();
    const [sent, received] = await Promise.all([send(), receive({ verify: () => ({ verified: true }) })]);
    expect(sent.ack.oracleVerified).toBe(true);
    expect(received.oracleVerified).toBe(true);
  });

  it('the guest is not touched before both have agreed', async () => {
    const { guest, connection, clock, send } = setUp();
    const sending = send();
    sending.catch(() => {});
    await clock.after(1);
    expect(guest.steps).toEqual([]);
    connection.sever();
    await failureOf(sending);
    expect(guest.steps).toEqual([]);
  });

  it('the source keeps to the limits of the destination', async () => {
    const { guest, send, receive } = setUp();
    const [source, destination] = await outcomes(send(), receive({ limits: { maxPages: 11 } }));
    expect(source).toMatchObject({ code: 'peer-refused', operands: { streamCode: 'STREAM_LIMIT' } });
    expect(destination).toMatchObject({ code: 'peer-aborted', operands: { peerCode: 'STREAM_LIMIT' } });
    expect(guest.steps).toEqual([]);
  });

  it('a destination that confirms another digest is not believed', async () => {
    const { guest, clock, connection, send } = setUp();
    const { destination } = connection;
    const control = new ControlEncoder();
    const sending = send();
    await destination.write([control.hello(ownHello('destination'))]);
    const received = readAll(destination);
    await clock.after(10);
    const ack = { outcome: 'done', digestVerified: true, oracleVerified: true, message: '' } as const;
    await destination.write([control.ack({ ...ack, digest: new Uint32Array([1, 2]) })]);
    expect((await failureOf(sending)).code).toBe('corrupt-stream');
    await received;
    expect(await harmTo(guest)).toEqual([]);
  });

  it('options that are wrong close the connection', async () => {
    const { send, receive } = setUp();
    const receiving = receive();
    await expect(send({ progressIntervalMs: -1 })).rejects.toThrow(RangeError);
    expect((await failureOf(receiving)).code).toBe('peer-aborted');
  });
});

async function readAll(transport: Transport): Promise<number> {
  const buffer = new Uint8Array(4096);
  let bytes = 0;
  // oxlint-disable-next-line no-await-in-loop -- to the end
  for (let read = 1; read > 0; bytes += read) read = await transport.read(buffer);
  return bytes;
}

describe('the other side speaks another version', () => {
  const newer = { versionMin: FORMAT_VERSION + 1, versionMax: FORMAT_VERSION + 9 };

  it('of the source', async () => {
    const { connection, receive, target } = setUp();
    const { source } = connection;
    await source.write([new ControlEncoder().hello({ ...ownHello('source'), ...newer })]);
    const told = readAll(source);
    expect((await failureOf(receive())).code).toBe('version-mismatch');
    expect(await told).toBeGreaterThan(0);
    expect(target.isCommitted).toBe(false);
  });

  it('of the destination', async () => {
    const { guest, connection, send } = setUp();
    const { destination } = connection;
    await destination.write([new ControlEncoder().hello({ ...ownHello('destination'), ...newer })]);
    const told = readAll(destination);
    expect((await failureOf(send())).code).toBe('version-mismatch');
    expect(await told).toBeGreaterThan(0);
    expect(guest.steps).toEqual([]);
  });

  it('and only says so in an ABORT', async () => {
    const { connection, send } = setUp();
    const control = new ControlEncoder();
    await connection.destination.write([
      control.hello(ownHello('destination')),
      control.abort({ code: 'STREAM_VERSION', message: 'too old' }),
    ]);
    expect(await failureOf(send())).toMatchObject({
      code: 'version-mismatch',
      operands: { peerCode: 'STREAM_VERSION' },
    });
  });

  it('or something else altogether', async () => {
    const one = setUp();
    await one.connection.source.write([
      new TextEncoder().encode('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    ]);
    await one.connection.source.end();
    expect((await failureOf(one.receive())).code).toBe('corrupt-stream');
    const other = setUp();
    await other.connection.destination.write([
      new TextEncoder().encode('SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12\r\n'),
    ]);
    expect((await failureOf(other.send())).code).toBe('corrupt-stream');
  });
});

/** Flips a bit of the 20,000th byte. */
function damage(transport: Transport): Transport {
  let at = 0;
  return {
    ...transport,
    write: async (iovecs) => {
      const copies = iovecs.map((iovec) => iovec.slice());
      for (const copy of copies) {
        if (at < 20_000 && at + copy.byteLength >= 20_000) copy[20_000 - at - 1]! ^= 1;
        at += copy.byteLength;
      }
      await transport.write(copies);
    },
  };
}

function saysNo() {
  return { verified: false, message: 'page 3 is too new' };
}

describe('the destination refuses', () => {
  it.for(['allocate', 'writeState', 'writePages'] as const)(
    'because its target fails at %s',
    async (step) => {
      const { guest, send, receive, clock } = setUp();
      const target = new SimulatedTarget({
        before: (asked) => {
          if (asked === step) throw new Error('disk full');
        },
      });
      const [source, destination] = await outcomes(send(), receive({ target, clock }));
      expect(destination).toMatchObject({ code: 'target-failed', operands: { step: `target.${step}` } });
      expect(source).toMatchObject({
        code: 'peer-refused',
        operands: { peerCode: 'target-failed', stage: 'stream' },
      });
      expect(source.message).toContain('disk full');
      expect(await harmTo(guest)).toEqual([]);
    },
  );

  it('and waits until the source, which is slow to hear, has heard why', async () => {
    const { guest, send, receive, clock } = setUp({ source: slowToHear });
    const target = new SimulatedTarget({
      before: (asked) => {
        if (asked === 'writePages') throw new Error('disk full');
      },
    });
    const [source] = await outcomes(send(), receive({ target, clock }));
    expect(source).toMatchObject({ code: 'peer-refused', operands: { peerCode: 'target-failed' } });
    expect(await harmTo(guest)).toEqual([]);
  });

  it('and drops what was on its way, one read at a time', async () => {
    const { clock, connection, receive } = setUp();
    const { source } = connection;
    const abort = new AbortController();
    const receiving = receive({ signal: abort.signal });
    receiving.catch(() => {});
    await source.write([new ControlEncoder().hello(ownHello('source'))]);
    await clock.after(1);
    abort.abort();
    await clock.after(1);
    // The read that was going on takes this; what follows is for the drain alone.
    await source.write([new Uint8Array(10)]);
    await clock.after(1);
    expect(connection.misuse).toEqual([]);
    await source.end();
    expect((await failureOf(receiving)).code).toBe('aborted');
  });

  it('because it cannot commit, after END', async () => {
    const { guest, send, receive } = setUp();
    const target = new SimulatedTarget({
      before: (asked) => {
        if (asked === 'commit') throw new Error('no rename');
      },
    });
    const [source, destination] = await outcomes(send(), receive({ target }));
    expect(destination).toMatchObject({ code: 'target-failed' });
    expect(source).toMatchObject({
      code: 'peer-refused',
      operands: { peerCode: 'ACK_FAILED', stage: 'ack' },
    });
    expect(source.message).toContain('no rename');
    expect(await harmTo(guest)).toEqual([]);
  });

  it('because the oracle does', async () => {
    const { guest, target, send, receive } = setUp();
    const [source, destination] = await outcomes(send(), receive({ verify: saysNo }));
    expect(destination.code).toBe('not-verified');
    expect(source.code).toBe('peer-refused');
    expect(source.message).toContain('page 3 is too new');
    expect(target.isCommitted).toBe(false);
    expect(await harmTo(guest)).toEqual([]);
  });

  it('because it is aborted', async () => {
    const { guest, target, send, receive } = setUp();
    const abort = new AbortController();
    const sending = send();
    const receiving = receive({ signal: abort.signal });
    abort.abort();
    const [source, destination] = await outcomes(sending, receiving);
    expect(destination.code).toBe('aborted');
    expect(source).toMatchObject({ code: 'peer-refused', operands: { peerCode: 'aborted' } });
    expect(target.isCommitted).toBe(false);
    expect(await harmTo(guest)).toEqual([]);
  });

  it('a stream that was damaged on the way', async () => {
    const { guest, send, receive } = setUp({ source: damage });
    const [source, destination] = await outcomes(send(), receive());
    expect(destination.code).toBe('corrupt-stream');
    expect(source).toMatchObject({ code: 'peer-refused', operands: { peerCode: 'STREAM_PAYLOAD_CRC' } });
    expect(await harmTo(guest)).toEqual([]);
  });

  it('and listens no more: the source does not wait to be heard', async () => {
    let writes = 0;
    // HELLO and the head of the stream get through; a last word would have to wait.
    const headOnly: Wrapper = (transport) => ({
      ...transport,
      write: (iovecs) => (writes++ < 2 ? transport.write(iovecs) : hang()),
    });
    const { clock, connection, send } = setUp({ source: headOnly });
    // While it opens, nothing is being written.
    const { guest } = smallGuest({
      clock,
      before: (step) => (step === 'open' ? clock.after(20) : undefined),
    });
    const control = new ControlEncoder();
    const sending = send({ guest });
    await connection.destination.write([control.hello(ownHello('destination'))]);
    await clock.after(10);
    const startNs = clock.nowNs();
    await connection.destination.write([control.abort({ code: 'UNKNOWN', message: 'go away' })]);
    expect((await failureOf(sending)).code).toBe('peer-refused');
    expect((clock.nowNs() - startNs) / 1e6).toBeLessThan(LAST_WORD_MS);
    expect(await harmTo(guest)).toEqual([]);
  });

  it('too early: an ACK before END is not believed', async () => {
    const { guest, connection, send } = setUp();
    const control = new ControlEncoder();
    const ack = { outcome: 'done', digestVerified: true, oracleVerified: true, message: '' } as const;
    await connection.destination.write([
      control.hello(ownHello('destination')),
      control.ack({ ...ack, digest: new Uint32Array(2) }),
    ]);
    expect((await failureOf(send())).code).toBe('corrupt-stream');
    expect(await harmTo(guest)).toEqual([]);
  });
});

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
