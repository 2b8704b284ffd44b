import { createServer } from 'node:net';

/**
 * A loopback address that only this process uses: between the moment when a port was free and the one when a program listens on it,
 * no test that runs at the same time can take it.
 */
export const OWN_HOST: string = `127.${[16, 8, 0].map((shift) => (process.pid >> shift) & 0xff).join('.')}`;

/** A port of OWN_HOST on which nobody listens. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve) => {
    const server = createServer().listen(0, OWN_HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
