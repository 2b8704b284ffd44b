import { isIP } from 'node:net';
import { CliError } from '../cli-error.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const PORT_MAX = 65_535;

/** `HOST:PORT`, `[IPV6]:PORT` or `:PORT`, which is on the loopback. */
export function parseEndpoint(text: string, flag: string): Endpoint {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > PORT_MAX) {
    throw new CliError('USAGE', `${flag} takes HOST:PORT, not ${JSON.stringify(text)}`, {
      hint: `For example ${flag} 127.0.0.1:7000`,
    });
  }
  return { host: bracketed || plain || '127.0.0.1', port };
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Memory is a secret: it does not go over a network in plain text by accident. */
export function requireLoopback({ host }: Endpoint, insecure: boolean): void {
  if (insecure || host === 'localhost' || host === '::1') return;
  // Only as an address: 127.example.org is a name, and anybody's.
  if (isIP(host) === 4 && host.startsWith('127.')) return;
  throw new CliError('REFUSED', `${host} is not this machine, and the stream is not encrypted`, {
    hint: 'Use --psk-file, or --tls-cert, --tls-key and --tls-ca, on both sides; or say --insecure if the network is trusted.',
  });
}
