import type { Socket } from 'node:net';
import { createServer, type PeerCertificate, type TLSSocket, type TlsOptions } from 'node:tls';
import {
  type Credentials,
  HANDSHAKE_TIMEOUT_MS,
  PSK_IDENTITY,
  sharedOptions,
  usedKey,
} from './tls-credentials.ts';
import { handshakeFailure, isNotTls } from './tls-failure.ts';
import { PROTOCOL_ALERT } from './tls-hint.ts';
import { checkName } from './tls-name.ts';
import { encodeVerdict, refusedHere, type Verdict, verdictOn } from './tls-verdict.ts';

/**
 * The server's part of a handshake on a connection from which nothing was read. Resolves to the connection with a source that has shown
 * who it is, and was told that it is welcome; the raw socket is used up. Rejects with REFUSED or PEER_UNREACHABLE, and the source was
 * told why where TLS got so far.
 *
 * Each has a server of its own, which never listens: so its events belong to this connection, and no session of one connection can be
 * resumed in another.
 */
export async function acceptSecurely(
  accepted: Socket,
  credentials: Credentials,
  handshakeMs = HANDSHAKE_TIMEOUT_MS,
): Promise<TLSSocket> {
  const place = placeOf(accepted);
  try {
    const socket = await shakeHands(accepted, serverOptions(credentials, handshakeMs));
    const { verdict, detail } = judge(socket, credentials);
    if (verdict !== 'welcome') {
      socket.end(encodeVerdict(verdict));
      // What it says meanwhile is not read; the last word goes first.
      socket.destroySoon();
      throw refusedHere(place, verdict, detail);
    }
    socket.write(encodeVerdict('welcome'));
    return socket;
  } catch (error) {
    throw handshakeFailure(error, { place, peer: 'source', credentials });
  }
}

export function placeOf({ remoteAddress = 'an address that is gone', remotePort = 0 }: Socket): string {
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}

function serverOptions(credentials: Credentials, handshakeTimeout: number): TlsOptions {
  const shared = { ...sharedOptions(credentials), handshakeTimeout };
  if (credentials.kind === 'psk') {
    return {
      ...shared,
      pskCallback: (_socket, identity) => (identity === PSK_IDENTITY ? credentials.key : null),
    };
  }
  // Node would reject by closing, without a word. `judge` rejects, and the source hears the verdict.
  return { ...shared, requestCert: true, rejectUnauthorized: false };
}

function shakeHands(accepted: Socket, options: TlsOptions): Promise<TLSSocket> {
  const server = createServer(options);
  // A source that closes before it is through is lost: the handshake would wait for the rest. Both of its ends have this from here.
  accepted.allowHalfOpen = false;
  return new Promise((resolve, reject) => {
    server.once('secureConnection', (socket) => {
      socket.allowHalfOpen = true;
      socket.on('error', () => undefined);
      resolve(socket);
    });
    server.on('tlsClientError', (error, socket) => {
      if (isNotTls(error)) {
        // OpenSSL would close without a word. Node leaves the connection to this listener.
        accepted.write(PROTOCOL_ALERT);
        accepted.destroySoon();
      } else {
        socket.destroy();
      }
      reject(error);
    });
    accepted.once('close', () => reject(new Error('the connection was closed')));
    server.emit('connection', accepted);
  });
}

interface Judgement {
  readonly verdict: Verdict;
  /** For the operator of this side: OpenSSL's word or the name that is wrong. */
  readonly detail: string;
}

const WELCOME: Judgement = { verdict: 'welcome', detail: '' };

/** Nobody is welcome but for a reason. */
function judge(socket: TLSSocket, credentials: Credentials): Judgement {
  if (credentials.kind === 'psk') {
    return usedKey(socket) ? WELCOME : { verdict: 'notAccepted', detail: 'it did not use the key' };
  }
  const certificate: PeerCertificate | object = socket.getPeerCertificate();
  if (!('raw' in certificate)) return { verdict: 'noCertificate', detail: '' };
  if (!socket.authorized || socket.isSessionReused()) {
    const code = String(socket.authorizationError);
    return { verdict: verdictOn(code), detail: code };
  }
  const mismatch =
    credentials.peerName === undefined ? undefined : checkName(credentials.peerName, certificate);
  return mismatch === undefined ? WELCOME : { verdict: 'wrongName', detail: mismatch.message };
}
