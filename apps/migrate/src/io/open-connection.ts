import type { Transport } from '@stillframe/snapshot';
import type { Endpoint } from '../options/endpoint.ts';
import { connectTo, tcpTransport } from './tcp-transport.ts';
import { connectSecurely } from './tls-connect.ts';
import type { Credentials } from './tls-credentials.ts';
import { plainOnly } from './tls-hint.ts';

/**
 * A connection with `migrate dest`, in plain text without `credentials`. Rejects with PEER_UNREACHABLE, with REFUSED where one side does
 * not believe the other, and with the reason of `signal`.
 */
export async function openConnection(
  endpoint: Endpoint,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<Transport> {
  if (credentials !== undefined) return await connectSecurely(endpoint, credentials, signal);
  return plainOnly(tcpTransport(await connectTo(endpoint, signal)), 'destination');
}
