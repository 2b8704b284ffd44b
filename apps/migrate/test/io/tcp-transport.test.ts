import type { Socket } from 'node:net';
import type { Transport } from '@stillframe/snapshot';
import { describe, expect, test } from 'vitest';
import { acceptedTransport, connectTo, tcpTransport } from '../../src/io/tcp-transport.ts';
import { socketPair } from './socket-pair.ts';
import { transportCases } from './transport-cases.ts';

const kinds: readonly { kind: string; make: (near: Socket) => Transport }[] = [
  { kind: 'connected', make: tcpTransport },
  { kind: 'accepted', make: acceptedTransport },
];

describe.for(kinds)('$kind', ({ make }) => {
  transportCases(async () => {
    const { near, far } = await socketPair();
    return {
      near: make(near),
      far,
      farTransport: () => tcpTransport(far),
      reset: () => void far.resetAndDestroy(),
    };
  });
});

test('nobody listens', async () => {
  const { near, far } = await socketPair();
  const port = near.localPort!;
  near.destroy();
  far.destroy();
  await expect(connectTo({ host: '127.0.0.1', port }, new AbortController().signal)).rejects.toMatchObject({
    code: 'PEER_UNREACHABLE',
    message: `127.0.0.1:${port} cannot be reached`,
  });
});

test('an abort ends connecting, with its reason', async () => {
  const reason = new Error('enough');
  const connecting = connectTo({ host: '127.0.0.1', port: 1 }, AbortSignal.abort(reason));
  await expect(connecting).rejects.toBe(reason);
});
