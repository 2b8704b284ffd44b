import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What becomes of one connection: after so many bytes in one direction it breaks, or nothing moves any more. */
export interface Cut {
  readonly from: 'source' | 'destination';
  readonly atByte: number;
  /** `reset`: RST to both sides. `end`: both see the end of the stream. `silence`: a cable without a plug. */
  readonly how: 'reset' | 'end' | 'silence';
}

export interface CuttingProxy {
  /** For `--to`. */
  readonly to: string;
  /** How many connections came through it. */
  connections(): number;
  /** Lets nobody in any more, and cuts what is there. */
  close(): void;
}

/** A way to `port` on which the n-th connection suffers the n-th of `cuts`; later ones nothing. */
export async function cuttingProxy(port: number, cuts: readonly Cut[]): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const cut = cuts[connections++];
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => open.delete(socket));
    }
    pass(near, far, cut?.from === 'source' ? cut : undefined, [near, far]);
    pass(far, near, cut?.from === 'destination' ? cut : undefined, [near, far]);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const close = () => {
    server.close();
    for (const socket of open) socket.resetAndDestroy();
  };
  onTestFinished(close);
  const own = address !== null && typeof address === 'object' ? address.port : 0;
  return { to: `127.0.0.1:${own}`, connections: () => connections, close };
}

function pass(from: Socket, to: Socket, cut: Cut | undefined, both: readonly Socket[]): void {
  let left = cut?.atByte ?? Number.POSITIVE_INFINITY;
  from.on('data', (bytes: Buffer) => {
    if (!to.write(bytes.subarray(0, left))) {
      from.pause();
      to.once('drain', () => from.resume());
    }
    left -= bytes.byteLength;
    if (left <= 0) for (const socket of both) suffer(socket, cut!.how);
  });
  from.on('end', () => to.end());
  from.on('close', () => to.destroy());
}

function suffer(socket: Socket, how: Cut['how']): void {
  if (how === 'reset') socket.resetAndDestroy();
  else if (how === 'end') socket.destroySoon();
  else socket.removeAllListeners('data').pause();
}
