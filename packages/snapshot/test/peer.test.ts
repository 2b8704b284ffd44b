import { ControlEncoder, FORMAT_VERSION, ownHello } from '@stillframe/page-stream';
import { describe, expect, it } from 'vitest';
import { type Transport } from '../src/index.ts';
import { LAST_WORD_MS } from '../src/peer/limits.ts';
import { SimulatedTarget } from '../src/simulated/index.ts';
import { memoryDifference, harmTo, failureOf, hang, smallGuest } from './fixture.ts';
import { setUp, outcomes, slowToHear, type Wrapper, readAll } from './peer-stage.ts';

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
    expect(source).toMatchObject({ code: 'peer-aborted', operands: { peerCode: 'aborted' } });
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
