import { once } from 'node:events';
import { SessionHost, type Transport } from '@stillframe/snapshot';
import type { RetryWait } from '../options/retry-options.ts';
import type { Report } from '../report/report.ts';
import { showMs } from '../report/units.ts';
import type { Arrival, SourceListener } from './source-listener.ts';
import { SOURCES_WAITING_MAX } from './tcp-listener.ts';
import { WaitingLine } from './waiting-line.ts';

/** A listener whose sources may lose their connections and come back. */
export interface SessionListener extends SourceListener {
  /** Also rejects with the reason of `until`, and then takes nobody away. */
  next(until?: AbortSignal): Promise<Arrival>;
  /** Waits until every source has heard what became of its image, or was given up, or the signal fires. */
  settled(): Promise<void>;
}

interface Waiting extends Arrival {
  drop(): void;
}

/**
 * Looks at the first bytes of each connection as it comes, also while a source is served: one that belongs to a known session goes
 * there, the others wait in line. Ownership: of `listener`.
 */
export function listenForSessions(
  listener: SourceListener,
  retry: RetryWait,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): SessionListener {
  const host = new SessionHost({
    ...retry,
    onEvent(event) {
      report.event(event);
      report.talk(
        event.state === 'back'
          ? 'the source is back'
          : `the source was lost (${event.reason}), waiting ${showMs(event.waitMs)} for it`,
      );
    },
  });
  const line = new WaitingLine<Waiting>(SOURCES_WAITING_MAX, (one) => one.drop());
  const closed = new AbortController();
  const place = (arrival: Arrival) => admit(arrival, { host, line, awayMs: retry.waitMs });
  void takeAll(listener, place).catch((error: unknown) => closed.abort(error));
  return {
    endpoint: listener.endpoint,
    next: (until = signal) => line.next(AbortSignal.any([signal, closed.signal, until])),
    async settled() {
      const over = new AbortController();
      const aborted = once(signal, 'abort', { signal: over.signal }).catch(() => undefined);
      if (!signal.aborted) await Promise.race([host.settled(), aborted]);
      over.abort();
    },
    close() {
      line.close();
      listener.close();
      host.close();
    },
  };
}

/** Rejects with the reason of the listener's signal. */
async function takeAll(listener: SourceListener, place: (arrival: Arrival) => Promise<void>): Promise<never> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- as they come
    const arrival = await listener.next();
    void place(arrival);
  }
}

interface Places {
  readonly host: SessionHost;
  readonly line: WaitingLine<Waiting>;
  readonly awayMs: number;
}

/** Never rejects. */
async function admit(arrival: Arrival, { host, line, awayMs }: Places): Promise<void> {
  const place = { host: arrival.host, port: arrival.port };
  let connection: Transport;
  try {
    connection = arrival.open();
  } catch (error) {
    line.add({ ...place, open: () => fail(error), drop: () => undefined });
    return;
  }
  const admission = await host.admit(connection);
  if (admission.kind === 'session') {
    line.add({ ...place, awayMs, open: admission.accept, drop: admission.drop });
  } else if (admission.kind === 'plain') {
    const { transport } = admission;
    line.add({ ...place, open: () => transport, drop: () => void transport.destroy() });
  }
}

function fail(error: unknown): never {
  throw error;
}
