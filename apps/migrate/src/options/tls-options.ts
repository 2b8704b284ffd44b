import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { readKeyFile } from '../io/psk-file.ts';
import { readCredentialFile, readSecretFile } from '../io/secret-file.ts';
import { type CertificateCredentials, contextOptions, type Credentials } from '../io/tls-credentials.ts';
import { type Endpoint, requireLoopback } from './endpoint.ts';

export interface TlsFlags {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tlsName?: string;
  readonly pskFile?: string;
  readonly insecure?: boolean;
}

const NAME_HELP = {
  source: "the name that the destination's certificate must have (default: the host of --to)",
  dest: "the name that a source's certificate must have (default: any)",
} as const;

export function addTlsOptions(command: Command, side: keyof typeof NAME_HELP): Command {
  return command
    .option('--psk-file <FILE>', 'encrypt, with a key that both sides have: `migrate psk` makes one')
    .option('--tls-cert <FILE>', 'encrypt, and show this certificate (PEM, with its chain)')
    .option('--tls-key <FILE>', 'its private key (PEM), readable only by its owner')
    .option('--tls-ca <FILE>', "the authorities that the other side's certificate may be signed by (PEM)")
    .option('--tls-name <NAME>', NAME_HELP[side])
    .option('--insecure', 'allow an address that is not this machine, in plain text');
}

/**
 * What the connection is secured with; undefined is plain text. Throws USAGE for options that do not go together, REFUSED for plain text
 * off this machine and for secrets that others can read or that are none, FILE for files that are not what they should be.
 */
export async function chooseCredentials(
  endpoint: Endpoint,
  flags: TlsFlags,
): Promise<Credentials | undefined> {
  const certificates = [flags.tlsCert, flags.tlsKey, flags.tlsCa].filter((path) => path !== undefined);
  const isSecure = certificates.length > 0 || flags.pskFile !== undefined;
  if (isSecure && flags.insecure === true) {
    throw contradiction(
      '--insecure asks for plain text, and the other options for encryption',
      'Leave out one of them.',
    );
  }
  if (certificates.length > 0 && flags.pskFile !== undefined) {
    throw contradiction(
      '--psk-file and --tls-… are two ways to do the same',
      'Use one of them, on both sides.',
    );
  }
  if (flags.tlsName !== undefined && certificates.length === 0) {
    throw contradiction('--tls-name is for certificates', 'Add --tls-cert, --tls-key and --tls-ca.');
  }
  if (!isSecure) {
    requireLoopback(endpoint, flags.insecure === true);
    return undefined;
  }
  if (flags.pskFile !== undefined)
    return { kind: 'psk', key: await readKeyFile(flags.pskFile, '--psk-file') };
  return await readCertificates(flags);
}

async function readCertificates({
  tlsCert,
  tlsKey,
  tlsCa,
  tlsName,
}: TlsFlags): Promise<CertificateCredentials> {
  if (tlsCert === undefined || tlsKey === undefined || tlsCa === undefined) {
    throw contradiction(
      '--tls-cert, --tls-key and --tls-ca go together',
      'Name all three files, on both sides.',
    );
  }
  const credentials: CertificateCredentials = {
    kind: 'certificates',
    cert: await readCredentialFile(tlsCert, '--tls-cert'),
    key: await readSecretFile(tlsKey, '--tls-key'),
    ca: await readCredentialFile(tlsCa, '--tls-ca'),
    ...(tlsName === undefined ? {} : { peerName: tlsName }),
  };
  // OpenSSL takes a file without a certificate for an empty list.
  requireCertificate(credentials.ca, `--tls-ca: ${tlsCa}`);
  requireInTime(requireCertificate(credentials.cert, `--tls-cert: ${tlsCert}`), `--tls-cert: ${tlsCert}`);
  try {
    createSecureContext(contextOptions(credentials));
  } catch (error) {
    throw new CliError(
      'FILE',
      `--tls-cert ${tlsCert} and --tls-key ${tlsKey} do not work: ${reasonOf(error)}`,
      {
        hint: 'The key must be the one of the certificate, in PEM, without a pass phrase.',
      },
    );
  }
  return credentials;
}

function contradiction(what: string, hint: string): CliError {
  return new CliError('USAGE', what, { hint });
}

function requireCertificate(pem: Buffer, what: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new CliError('FILE', `${what} has no certificate`, {
      hint: 'It must be PEM: -----BEGIN CERTIFICATE-----',
    });
  }
}

/** The other side would say so, too, but later, and of its own clock. */
function requireInTime({ validFrom, validTo }: X509Certificate, what: string): void {
  const nowMs = Date.now();
  if (nowMs < Date.parse(validFrom) || nowMs > Date.parse(validTo)) {
    throw new CliError('REFUSED', `${what} is valid from ${validFrom} to ${validTo}, and not now`, {
      hint: 'Make a new certificate, or set the clock.',
    });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
}
