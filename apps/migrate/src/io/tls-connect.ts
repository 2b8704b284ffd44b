import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import type { Transport } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';
import { type Endpoint, formatEndpoint } from '../options/endpoint.ts';
import { connectTo, socketTransport } from './tcp-transport.ts';
import {
  type Credentials,
  HANDSHAKE_TIMEOUT_MS,
  PSK_IDENTITY,
  sharedOptions,
  usedKey,
} from './tls-credentials.ts';
import { type FailedHandshake, handshakeFailure, handshakeTooSlow } from './tls-failure.ts';
import { checkName } from './tls-name.ts';
import { recordReader } from './tls-reader.ts';
import { refusedThere, verdictOf } from './tls-verdict.ts';

/**
 * A connection with a destination that has shown who it is, and that has accepted this side. Rejects with REFUSED where one of them does
 * not believe the other, with PEER_UNREACHABLE, and with the reason of `signal`.
 */
export async function connectSecurely(
  endpoint: Endpoint,
  credentials: Credentials,
  signal: AbortSignal,
  handshakeMs = HANDSHAKE_TIMEOUT_MS,
): Promise<Transport> {
  const failed: FailedHandshake = { place: formatEndpoint(endpoint), peer: 'destination', credentials };
  const tcp = await connectTo(endpoint, signal);
  const socket = connect({ ...clientOptions(credentials, endpoint.host), socket: tcp });
  // Not those of the connection as such: from the end of this function on they are told by reads and writes.
  socket.on('error', () => undefined);
  const transport = socketTransport(socket, recordReader(socket));
  const limit = AbortSignal.timeout(handshakeMs);
  try {
    await withinSignal(AbortSignal.any([signal, limit]), async (either) => {
      await once(socket, 'secureConnect', { signal: either });
      if (credentials.kind === 'psk' && !usedKey(socket)) throw withoutKey(failed);
      await readVerdict(transport, failed.place);
    });
    return transport;
  } catch (error) {
    await transport.destroy();
    signal.throwIfAborted();
    throw limit.aborted ? handshakeTooSlow(failed, handshakeMs) : handshakeFailure(error, failed);
  }
}

function clientOptions(credentials: Credentials, host: string): ConnectionOptions {
  const shared = sharedOptions(credentials);
  if (credentials.kind === 'psk') {
    return {
      ...shared,
      pskCallback: () => ({ psk: credentials.key, identity: PSK_IDENTITY }),
      // Asked only when the server has shown a certificate instead of using the key, whoever has signed it.
      checkServerIdentity: () => new CliError('REFUSED', 'it did not use the key'),
    };
  }
  const name = credentials.peerName ?? host;
  return {
    ...shared,
    // An address is not allowed there.
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_host, certificate) => checkName(name, certificate),
  };
}

async function readVerdict(transport: Transport, place: string): Promise<void> {
  const byte = new Uint8Array(1);
  const byteCount = await transport.read(byte);
  if (byteCount === 0) {
    throw new CliError('PEER_UNREACHABLE', `${place} has closed the connection without a word`, {
      hint: 'Has it ended? Nothing was done to the guest.',
    });
  }
  const verdict = verdictOf(byte[0]!);
  if (verdict === undefined) {
    throw new CliError('REFUSED', `${place} is no \`migrate dest\``, {
      hint: 'It speaks TLS and then something else. Nothing was done to the guest.',
    });
  }
  if (verdict !== 'welcome') throw refusedThere(place, verdict);
}

function withoutKey({ place }: FailedHandshake): CliError {
  return new CliError('REFUSED', `the destination at ${place} did not use the key`, {
    hint: 'Start it with a copy of the same --psk-file.',
  });
}

/** `work`, or the reason of `signal` when that fires first. `work` is left behind then: its socket is destroyed next. */
async function withinSignal(
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ended = new AbortController();
  const aborted = once(signal, 'abort', { signal: ended.signal }).then(() => signal.throwIfAborted());
  aborted.catch(() => undefined);
  try {
    await Promise.race([work(signal), aborted]);
  } finally {
    ended.abort();
  }
}
