import { ShapedLink } from '@stillframe/shaped-link';

/** Between a source and a destination. */
export interface Route extends AsyncDisposable {
  readonly name: string;
  /** Where the destination listens. */
  readonly host: string;
  /** A command line that runs `command` at the source's end, or at the destination's. */
  readonly atSource: (command: readonly string[]) => readonly string[];
  readonly atDestination: (command: readonly string[]) => readonly string[];
}

export function loopback(): Route {
  return {
    name: 'loopback',
    host: '127.0.0.1',
    atSource: (command) => command,
    atDestination: (command) => command,
    async [Symbol.asyncDispose]() {},
  };
}

/** 1 Gbit/s, and half a millisecond each way. Needs root. */
export async function gigabitLink(): Promise<Route> {
  const link = await ShapedLink.open({ delayUs: 500, rateMbit: 1000, queueBytes: LINK_QUEUE_BYTES });
  return {
    name: '1 Gbit/s, 1 ms',
    host: link.b.address,
    atSource: (command) => link.a.within(...command),
    atDestination: (command) => link.b.within(...command),
    [Symbol.asyncDispose]: () => link.close(),
  };
}

/** As much as a switch has for a port: 16 ms of the rate. */
const LINK_QUEUE_BYTES = 2 * 2 ** 20;
