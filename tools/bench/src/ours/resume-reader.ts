/* oxlint-disable no-await-in-loop -- one read after the other */
import type { Socket } from 'node:net';
import { SessionHost, type Transport } from '@stillframe/snapshot';
import { serveTcp } from '../../../../apps/migrate/src/io/tcp-listener.ts';
import { acceptedTransport } from '../../../../apps/migrate/src/io/tcp-transport.ts';
import type { Addon } from './addon.ts';

export interface ReaderRequest {
  /** The first connection is cut when so much of it was read; 0 for never. */
  readonly cutAtBytes: number;
}

const READ_BYTES = 1 << 20;

/** Prints its port, reads one stream over as many connections as it takes, and keeps nothing of it. */
export async function runResumeReader(
  _addon: Addon,
  { cutAtBytes }: ReaderRequest,
): Promise<{ bytes: number; takenBytes: number }> {
  let bytes = 0;
  let takenBytes = 0;
  let connections = 0;
  const host = new SessionHost({
    onEvent({ state }) {
      if (state === 'back') takenBytes = bytes;
    },
  });
  let settle: ((error?: unknown) => void) | undefined;
  const ended = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  const readAll = async (transport: Transport) => {
    const buffer = new Uint8Array(READ_BYTES);
    for (let came = 1; came > 0; bytes += came) came = await transport.read(buffer);
    await transport.end();
    await transport.destroy();
  };
  const take = async (socket: Socket) => {
    const isCut = ++connections === 1 && cutAtBytes > 0;
    const admission = await host.admit(cutting(acceptedTransport(socket), isCut ? cutAtBytes : Infinity));
    if (admission.kind === 'resumed') return;
    await readAll(admission.kind === 'session' ? admission.accept() : admission.transport);
    await host.settled();
    settle?.();
  };
  const server = await serveTcp({ host: '127.0.0.1', port: 0 }, new AbortController().signal, (socket) => {
    take(socket).catch((error: unknown) => settle?.(error));
  });
  console.log(JSON.stringify({ port: server.endpoint.port }));
  await ended;
  server.close();
  return { bytes, takenBytes };
}

function cutting(transport: Transport, atBytes: number): Transport {
  let left = atBytes;
  return {
    ...transport,
    async read(into) {
      // With what is on its way unread: the other side sees a reset.
      if (left <= 0) await transport.destroy();
      const came = await transport.read(into);
      left -= came;
      return came;
    },
  };
}
