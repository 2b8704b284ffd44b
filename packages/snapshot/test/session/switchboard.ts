/* oxlint-disable no-await-in-loop -- in order */
import {
  type Admission,
  openSession,
  receiveFromPeer,
  SessionHost,
  type SessionHostOptions,
  type SourceSessionOptions,
  streamToPeer,
  type Transport,
} from '../../src/index.ts';
import { SimulatedTarget, simulatedConnection } from '../../src/simulated/index.ts';
import { smallGuest, snapshotOptions, TestSink } from '../fixture.ts';

/** After so many bytes in one direction the connection breaks, or nothing moves any more. */
export interface Cut {
  readonly side: 'source' | 'destination';
  readonly atByte: number;
  readonly how: 'sever' | 'close' | 'hang';
}

export const LONG = { helloMs: 100_000, writeMs: 1_000_000, silenceMs: 1_000_000, ackMs: 1_000_000 };

/** A source and a destination, and between them connections of which the first ones are cut. */
export function switchboard(
  cuts: readonly Cut[],
  more: {
    readonly source?: Partial<SourceSessionOptions>;
    readonly host?: SessionHostOptions;
    readonly bufferBytes?: number;
  } = {},
) {
  const { guest, clock } = smallGuest();
  const target = new SimulatedTarget();
  const host = new SessionHost({ clock, silenceMs: 400, waitMs: 60_000, ...more.host });
  const left = [...cuts];
  const written = { source: 0, destination: 0 };
  const events: unknown[] = [];
  const said: string[] = [];
  let connections = 0;
  const admitted: ((admission: Admission) => void)[] = [];
  const nextSession = () =>
    new Promise<Admission>((resolve) => {
      admitted.push(resolve);
    });
  const first = nextSession();
  const arrive = async (destination: Transport): Promise<void> => {
    const admission = await host.admit(destination);
    said.push(admission.kind);
    if (admission.kind !== 'resumed') admitted.shift()?.(admission);
  };
  const count = (side: Cut['side']) => (bytes: number) => {
    written[side] += bytes;
  };
  const connect = async (): Promise<Transport> => {
    connections++;
    const connection = simulatedConnection({ bufferBytes: more.bufferBytes ?? 4096 });
    const cut = left.shift();
    const source = limited(
      connection.source,
      connection.sever,
      cut?.side === 'source' ? cut : undefined,
      count('source'),
    );
    const destination = limited(
      connection.destination,
      connection.sever,
      cut?.side === 'destination' ? cut : undefined,
      count('destination'),
    );
    void arrive(destination);
    return source;
  };
  const options: SourceSessionOptions = {
    connect,
    clock,
    random: () => 0.5,
    silenceMs: 400,
    onEvent: (event) => events.push(event),
    ...more.source,
  };
  const send = async (timeouts = LONG) => {
    const transport = await openSession(options);
    const { sink: _, ...snapshot } = snapshotOptions(guest, new TestSink(), { clock });
    const run = await streamToPeer({ ...snapshot, transport, timeouts });
    const summary = await run.result;
    return { summary, link: transport.link() };
  };
  const receive = async (timeouts = LONG) => {
    const admission = await first;
    const transport =
      admission.kind === 'session'
        ? admission.accept()
        : admission.kind === 'plain'
          ? admission.transport
          : undefined;
    return await receiveFromPeer({ transport: transport!, target, clock, timeouts }).result;
  };
  return {
    guest,
    clock,
    target,
    host,
    send,
    receive,
    events,
    said,
    written,
    options,
    connections: () => connections,
  };
}

function limited(
  transport: Transport,
  sever: () => void,
  cut: Cut | undefined,
  count: (bytes: number) => void,
): Transport {
  let left = cut?.atByte ?? Number.POSITIVE_INFINITY;
  let isOver = false;
  return {
    ...transport,
    write: async (iovecs) => {
      for (const iovec of iovecs) {
        if (isOver) await never();
        const part = iovec.subarray(0, left);
        left -= part.byteLength;
        count(part.byteLength);
        if (part.byteLength > 0) await transport.write([part]);
        if (left > 0) continue;
        if (cut?.how === 'sever') sever();
        if (cut?.how === 'close') await transport.destroy();
        isOver = cut?.how === 'hang';
      }
      if (isOver) await never();
    },
  };
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
