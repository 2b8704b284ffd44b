import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { type MigrationMode, migrateGuest, receiveGuest } from '@stillframe/migration';
import type { Transport } from '@stillframe/snapshot';
import { pageCodec } from '../../src/codec.ts';
import { acceptedTransport, tcpTransport } from '../../src/io/tcp-transport.ts';
import { movableGuest } from '../../src/migration/movable-guest.ts';
import { movableTarget } from '../../src/migration/movable-target.ts';
import type { Movable, RunningMovable } from '../../src/migration/movable.ts';

const HOST = '127.0.0.1';

/** Connections to a listener of its own: each `connect` gives one end, `accept` the other, in order. */
class Loopback implements AsyncDisposable {
  readonly #server = createServer({ pauseOnConnect: true });
  readonly #arrived: Transport[] = [];
  #wake: (() => void)[] = [];

  static async open(): Promise<Loopback> {
    const loopback = new Loopback();
    loopback.#server.on('connection', (socket) => {
      loopback.#arrived.push(acceptedTransport(socket));
      for (const wake of loopback.#wake.splice(0)) wake();
    });
    loopback.#server.listen(0, HOST);
    await once(loopback.#server, 'listening');
    return loopback;
  }

  async connect(): Promise<Transport> {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the listener is closed');
    const socket = connect(address.port, HOST);
    await once(socket, 'connect');
    return tcpTransport(socket);
  }

  async accept(signal?: AbortSignal): Promise<Transport> {
    while (this.#arrived.length === 0) {
      signal?.throwIfAborted();
      // oxlint-disable-next-line no-await-in-loop -- until one arrives
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return this.#arrived.shift()!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }
}

/** Moves a guest over TCP to where `options` say. @returns It, running there; here it has ended. */
export async function moveOver(
  movable: Movable,
  running: RunningMovable,
  mode: MigrationMode,
  options: Readonly<Record<string, string>>,
): Promise<RunningMovable> {
  await using loopback = await Loopback.open();
  const target = movableTarget({ movables: [movable], optionsOf: () => options });
  const [transport, accepted] = await Promise.all([loopback.connect(), loopback.accept()]);
  const next = (signal: AbortSignal) => loopback.accept(signal);
  const arrival = receiveGuest({ target, transport: accepted, next, codec: pageCodec });
  const departure = migrateGuest({
    guest: movableGuest(movable.name, running),
    transport,
    mode,
    codec: pageCodec,
    ...(mode === 'precopy' ? {} : { connect: () => loopback.connect() }),
  });
  await Promise.all([arrival.result, departure.result]);
  return target.running!;
}
