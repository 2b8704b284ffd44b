import type { Transport } from '../peer/transport.ts';
import { Pipe } from './pipe.ts';

export interface SimulatedConnection {
  readonly source: Transport;
  readonly destination: Transport;
  /** The cable is cut: both sides fail at once, and what was on its way is gone. */
  readonly sever: () => void;
  /** What was asked of an end against the contract of `Transport`; such a call also fails. */
  readonly misuse: readonly string[];
}

export interface SimulatedConnectionOptions {
  /** What each direction holds before a writer has to wait; 64 KiB when not given. */
  readonly bufferBytes?: number;
}

/** Two ends of a connection inside this process. */
export function simulatedConnection({
  bufferBytes = 64 * 1024,
}: SimulatedConnectionOptions = {}): SimulatedConnection {
  const forth = new Pipe(bufferBytes);
  const back = new Pipe(bufferBytes);
  const misuse: string[] = [];
  const reset = () => {
    forth.break(new Error('the connection was reset'));
    back.break(new Error('the connection was reset'));
  };
  return {
    source: end('source', forth, back, reset, misuse),
    destination: end('destination', back, forth, reset, misuse),
    sever: reset,
    misuse,
  };
}

/**
 * As TCP: after one end is destroyed the other reads what was sent before, then the end, and cannot write any more; unless something
 * had come that was not read, then the connection is reset and what was sent before may be lost.
 */
function end(side: string, out: Pipe, incoming: Pipe, reset: () => void, misuse: string[]): Transport {
  const once = oneAtATime((what) => misuse.push(`${side}: two ${what}s at a time`));
  return {
    read: (into) => once('read', () => incoming.read(into)),
    write: (iovecs) => once('write', () => out.write(iovecs)),
    end: async () => out.end(),
    destroy: async () => {
      if (incoming.bufferedBytes > 0) return reset();
      out.end();
      incoming.break(new Error('the connection is closed'));
    },
  };
}

function oneAtATime(onMisuse: (what: string) => void) {
  const goingOn = new Set<string>();
  return async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    if (goingOn.has(what)) {
      onMisuse(what);
      throw new TypeError(`two ${what}s at a time`);
    }
    goingOn.add(what);
    try {
      return await work();
    } finally {
      goingOn.delete(what);
    }
  };
}
