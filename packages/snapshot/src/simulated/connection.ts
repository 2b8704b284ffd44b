import type { Transport } from '../peer/transport.ts';
import { Pipe } from './pipe.ts';

export interface SimulatedConnection {
  readonly source: Transport;
  readonly destination: Transport;
  /** The cable is cut: both sides fail at once, and what was on its way is gone. */
  readonly sever: () => void;
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
  return {
    source: end(forth, back),
    destination: end(back, forth),
    sever: () => {
      forth.break(new Error('the connection was reset'));
      back.break(new Error('the connection was reset'));
    },
  };
}

/** As TCP: after one end is destroyed the other reads what was sent before, then the end, and cannot write any more. */
function end(out: Pipe, incoming: Pipe): Transport {
  return {
    read: (into) => incoming.read(into),
    write: (iovecs) => out.write(iovecs),
    end: async () => out.end(),
    destroy: async () => {
      out.end();
      incoming.break(new Error('the connection is closed'));
    },
  };
}
