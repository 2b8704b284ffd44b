import { type SecureContextOptions, TLSSocket } from 'node:tls';

/** Certificates: both sides show one, and each believes what the authorities in `ca` have signed. PEM. */
export interface CertificateCredentials {
  readonly kind: 'certificates';
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
  /** The name that the other side's certificate must have. Without it a source asks for its host, a destination for none. */
  readonly peerName?: string;
}

/** A key that both sides have. Everybody who has it is equal. */
export interface KeyCredentials {
  readonly kind: 'psk';
  /** `PSK_BYTES` bytes, derived from the file (`readKeyFile`). */
  readonly key: Buffer;
}

export type Credentials = CertificateCredentials | KeyCredentials;

/** As long as the hash of the cipher suites: more would be hashed down. */
export const PSK_BYTES = 32;

/** In clear text on the wire: it says what the key is for, and not whose it is. */
export const PSK_IDENTITY = 'stillframe migrate 1';

/** A server for something else, with a certificate of the same authority, does not take this for its own protocol. */
const ALPN_PROTOCOL = 'stillframe/1';

/** From the first byte to the verdict. A peer that takes longer is lost. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Node's callback for pre-shared keys is that of TLS 1.2. OpenSSL takes it for 1.3, too, and then only with suites whose hash is
 * SHA-256. In 1.3 it uses a pre-shared key always together with a fresh Diffie-Hellman exchange (psk_dhe_ke).
 */
const PSK_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256';
const CERTIFICATE_CIPHERS = `TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256`;

/** What both sides say of a connection. */
export function sharedOptions(credentials: Credentials) {
  return { ...contextOptions(credentials), ALPNProtocols: [ALPN_PROTOCOL] };
}

/** Throws what OpenSSL finds wrong with the files when a context is made of it. */
export function contextOptions(credentials: Credentials): SecureContextOptions {
  const versions = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;
  if (credentials.kind === 'psk') return { ...versions, ciphers: PSK_CIPHERS };
  const { cert, key, ca } = credentials;
  return { ...versions, ciphers: CERTIFICATE_CIPHERS, cert, key, ca };
}

/**
 * Whether the handshake was authenticated by the pre-shared key and not by something else: 1.3 shows its use as a session that is
 * resumed, and these sides keep no sessions to resume.
 */
export function usedKey(socket: TLSSocket): boolean {
  return socket.getProtocol() === 'TLSv1.3' && socket.isSessionReused();
}
