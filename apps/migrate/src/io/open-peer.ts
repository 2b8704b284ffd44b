import { type LinkEvent, type LinkNumbers, openSession, type Transport } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';
import type { Endpoint } from '../options/endpoint.ts';
import type { RetryChoice } from '../options/retry-options.ts';
import type { Report } from '../report/report.ts';
import { showMs } from '../report/units.ts';
import { openConnection } from './open-connection.ts';
import type { Credentials } from './tls-credentials.ts';

export interface PeerChoice {
  readonly endpoint: Endpoint;
  readonly credentials: Credentials | undefined;
  /** Without it a connection that breaks is the end. */
  readonly retry: RetryChoice | undefined;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** A connection with a destination, and what it has cost to keep it. */
export interface OpenPeer {
  readonly transport: Transport;
  /** Undefined without `--retry`. */
  readonly link: (() => LinkNumbers) | undefined;
}

/** As `openConnection`, with `retry` as `openSession`. */
export async function openPeer(choice: PeerChoice): Promise<OpenPeer> {
  const { endpoint, credentials, retry, report, signal } = choice;
  const connect = async (until: AbortSignal) =>
    await openConnection(endpoint, credentials, AbortSignal.any([signal, until]));
  if (retry === undefined) return { transport: await connect(signal), link: undefined };
  const session = await openSession({
    connect,
    signal,
    ...retry,
    isFinal,
    onEvent: (event) => tell(event, report),
  });
  return { transport: session, link: () => session.link() };
}

/** Who is not believed once is not believed later, and who has ended does not try again. */
function isFinal(error: unknown): boolean {
  return error instanceof CliError && error.code !== 'PEER_UNREACHABLE';
}

function tell(event: LinkEvent, report: Report): void {
  report.event(event);
  if (event.state === 'lost') {
    report.talk(`link lost (${event.reason}), trying again in ${showMs(event.retryInMs)}`);
  } else if (event.state === 'back') report.talk(`the link is back after ${showMs(event.offlineMs)}`);
  else report.talk(`the link does not come back: ${event.reason}`);
}
