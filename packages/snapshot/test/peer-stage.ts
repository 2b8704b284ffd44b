import { afterEach } from 'vitest';
import {
  type PeerReceiveOptions,
  type PeerSnapshotOptions,
  type PeerTimeouts,
  receiveFromPeer,
  streamToPeer,
  type Transport,
} from '../src/index.ts';
import {
  type SimulatedClock,
  type SimulatedConnection,
  SimulatedTarget,
  simulatedConnection,
} from '../src/simulated/index.ts';
import { failureOf, hang, smallGuest, snapshotOptions, TestSink } from './fixture.ts';

export type Wrapper = (transport: Transport, sever: () => void, clock: SimulatedClock) => Transport;

export interface Wrap {
  readonly source?: Wrapper;
  readonly destination?: Wrapper;
}

export const SHORT: PeerTimeouts = { helloMs: 50, writeMs: 100, silenceMs: 200, ackMs: 300 };

const connections: SimulatedConnection[] = [];

// Whatever happens, neither side may read or write twice at a time.
afterEach(() => {
  const misuse = connections.splice(0).flatMap((connection) => connection.misuse);
  if (misuse.length > 0) throw new Error(misuse.join(', '));
});

/** Both sides of one transfer, with whatever is between them. */
export function setUp(wrap: Wrap = {}, bufferBytes = 4096) {
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

export async function start(run: ReturnType<typeof streamToPeer>) {
  return (await run).result;
}

export function outcomes<A, B>(sending: Promise<A>, receiving: Promise<B>) {
  return Promise.all([failureOf(sending), failureOf(receiving)]);
}

/** Passes on what is written until `bytes` of it; then the connection is cut, or nothing moves any more. */
export function limited(bytes: number, then: 'sever' | 'hang') {
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

export function counting(counts: { bytes: number }) {
  return (transport: Transport): Transport => ({
    ...transport,
    write: async (iovecs) => {
      await transport.write(iovecs);
      counts.bytes += iovecs.reduce((sum, iovec) => sum + iovec.byteLength, 0);
    },
  });
}

/** Reads what comes after the HELLO late: a write behind it may have failed by then. */
export function slowToHear(transport: Transport, _sever: () => void, clock: SimulatedClock): Transport {
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

/** Reads to the end; how many bytes that were. */
export async function readAll(transport: Transport): Promise<number> {
  const buffer = new Uint8Array(4096);
  let bytes = 0;
  // oxlint-disable-next-line no-await-in-loop -- to the end
  for (let read = 1; read > 0; bytes += read) read = await transport.read(buffer);
  return bytes;
}
