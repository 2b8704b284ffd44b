import { CliError } from '../cli-error.ts';
import type { Credentials } from './tls-credentials.ts';

/** What OpenSSL finds in bytes that are not TLS, or that TLS does not expect. */
const NOT_TLS: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_HTTPS_PROXY_REQUEST',
  'ERR_SSL_UNKNOWN_PROTOCOL',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_UNEXPECTED_MESSAGE',
  'ERR_SSL_BAD_RECORD_TYPE',
  'ERR_SSL_RECORD_TOO_SMALL',
]);

/**
 * The other side has another key: seen by the server, and as told to the client. How OpenSSL names alerts differs from version to
 * version; its servers told of a wrong binder by one of these two.
 */
const OTHER_KEY = /^ERR_SSL_(BINDER_DOES_NOT_VERIFY|.*ALERT_(ILLEGAL_PARAMETER|DECRYPT_ERROR))$/;

const OPTIONS = {
  certificates: '--tls-cert, --tls-key and --tls-ca',
  psk: '--psk-file',
} as const;

export interface FailedHandshake {
  /** Who failed, e.g. `127.0.0.1:7000`. */
  readonly place: string;
  /** What the other side should be. */
  readonly peer: 'source' | 'destination';
  readonly credentials: Credentials;
}

/**
 * REFUSED when the two sides do not believe each other, or one speaks plain text; PEER_UNREACHABLE when the connection broke or took too
 * long.
 */
export function handshakeFailure(error: unknown, failed: FailedHandshake): CliError {
  if (error instanceof CliError) return error;
  const code = codeOf(error);
  const { place, peer, credentials } = failed;
  const own = OPTIONS[credentials.kind];
  const unharmed = peer === 'destination' ? ' Nothing was done to the guest.' : ' Nothing was taken from it.';
  if (isNotTls(error)) {
    return new CliError('REFUSED', `the ${peer} at ${place} does not speak TLS`, {
      hint: `Start it with ${own} as well: this side does not go on in plain text.${unharmed}`,
    });
  }
  if (credentials.kind === 'psk' && OTHER_KEY.test(code)) {
    return new CliError('REFUSED', `the ${peer} at ${place} has another key`, {
      hint: `Both sides need a copy of the same --psk-file.${unharmed}`,
    });
  }
  if (isLoss(code)) {
    return new CliError(
      'PEER_UNREACHABLE',
      `no secure connection with the ${peer} at ${place}: it was lost`,
      {
        hint: `${peer === 'source' ? 'Perhaps it does not believe this side: it says so there.' : 'Has it ended, or is it too busy?'}${unharmed}`,
        cause: error,
      },
    );
  }
  return new CliError(
    'REFUSED',
    `no secure connection with the ${peer} at ${place}: ${reasonOf(error)} (${code})`,
    {
      hint:
        credentials.kind === 'psk'
          ? `It must be \`migrate\`, with a copy of the same --psk-file.${unharmed}`
          : `Its certificate must be valid, have the name by which it is asked for, and be signed by an authority in --tls-ca.${unharmed}`,
    },
  );
}

/** The handshake is not done after `HANDSHAKE_TIMEOUT_MS`. */
export function handshakeTooSlow({ place, peer }: FailedHandshake, limitMs: number): CliError {
  return new CliError(
    'PEER_UNREACHABLE',
    `no secure connection with the ${peer} at ${place} after ${limitMs / 1000} s`,
    { hint: 'Does it speak TLS, and is it reached?' },
  );
}

/** The other side has said something that is not TLS. */
export function isNotTls(error: unknown): boolean {
  return NOT_TLS.has(codeOf(error));
}

/** The system's errors, and Node's for a connection that ends or is too slow. All others are about what the peer has said or shown. */
function isLoss(code: string): boolean {
  return code === '' || /^E[A-Z0-9]+$/.test(code) || code === 'ERR_TLS_HANDSHAKE_TIMEOUT';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** OpenSSL's messages have addresses and lines of its source in them; its reasons are words. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
}
