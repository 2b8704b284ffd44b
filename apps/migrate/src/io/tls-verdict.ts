import { CliError } from '../cli-error.ts';

/**
 * What a destination makes of a source, in one byte after the handshake and before everything else.
 *
 * In TLS 1.3 a client has finished its handshake before the server has looked at the client's certificate, and Node's server tells of
 * what it finds there only by closing. A source that began to write would learn that a connection was lost.
 */
const VERDICTS = [
  'welcome',
  'noCertificate',
  'expired',
  'notYetValid',
  'unknownAuthority',
  'wrongName',
  'notAccepted',
] as const;

export type Verdict = (typeof VERDICTS)[number];

const WORDS: Readonly<Record<Exclude<Verdict, 'welcome'>, string>> = {
  noCertificate: 'no certificate was shown',
  expired: 'the certificate has expired',
  notYetValid: 'the certificate is not valid yet',
  unknownAuthority: 'the certificate is not signed by an authority in --tls-ca',
  wrongName: 'the certificate has another name than --tls-name',
  notAccepted: 'the certificate is not accepted',
};

/** What is sent: the position, counted from 1, so that a zero is none. */
export function encodeVerdict(verdict: Verdict): Uint8Array {
  return Uint8Array.of(VERDICTS.indexOf(verdict) + 1);
}

/** Undefined for a byte that is none. */
export function verdictOf(byte: number): Verdict | undefined {
  return VERDICTS[byte - 1];
}

/** What OpenSSL calls it, by the name that Node gives its codes. */
const BY_OPENSSL: Readonly<Record<string, Verdict>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'notYetValid',
  SELF_SIGNED_CERT_IN_CHAIN: 'unknownAuthority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'unknownAuthority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unknownAuthority',
  UNABLE_TO_GET_ISSUER_CERT: 'unknownAuthority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unknownAuthority',
  CERT_SIGNATURE_FAILURE: 'unknownAuthority',
};

/** Never `welcome`. */
export function verdictOn(verifyCode: string | undefined): Verdict {
  return BY_OPENSSL[verifyCode ?? ''] ?? 'notAccepted';
}

/** What a source is told. */
export function refusedThere(place: string, verdict: Exclude<Verdict, 'welcome'>): CliError {
  return new CliError('REFUSED', `${place} refused this source: ${WORDS[verdict]}`, {
    hint: 'What --tls-ca and --tls-name say there must fit --tls-cert here. Nothing was done to the guest.',
  });
}

/** What a destination says of the source that it has refused. */
export function refusedHere(place: string, verdict: Exclude<Verdict, 'welcome'>, openSsl: string): CliError {
  const why = openSsl === '' ? '' : ` (${openSsl})`;
  return new CliError('REFUSED', `the source at ${place} is refused: ${WORDS[verdict]}${why}`, {
    hint: 'What --tls-ca and --tls-name say here must fit --tls-cert there. Nothing was taken from it.',
  });
}
