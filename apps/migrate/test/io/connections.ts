import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Transport } from '@stillframe/snapshot';
import { onTestFinished } from 'vitest';
import { listenOn } from '../../src/io/tcp-listener.ts';
import { acceptedTransport, tcpTransport } from '../../src/io/tcp-transport.ts';

/** How the receiving end reads: straight from the kernel, or as it does where Node's handle is not what we know. */
export const ways = ['direct', 'chunks'] as const;
export type Way = (typeof ways)[number];

export interface Connection {
  /** The end that connected. */
  readonly far: Socket;
  /** The end that accepted. */
  readonly near: Transport;
}

/** Two ends of a real connection; both go with the test. */
export async function connection(way: Way): Promise<Connection> {
  const stop = new AbortController();
  const listener = await listenOn({ host: '127.0.0.1', port: 0 }, stop.signal);
  const far = connect({ ...listener.endpoint, allowHalfOpen: true });
  far.on('error', () => undefined);
  await once(far, 'connect');
  const accepted = await listener.next();
  listener.close();
  const near = way === 'direct' ? acceptedTransport(accepted) : tcpTransport(accepted);
  onTestFinished(async () => {
    far.destroy();
    await near.destroy();
  });
  return { far, near };
}

/** Everything up to the end, read with buffers of these lengths in turn. */
export async function readAll(from: Transport, lengths: readonly number[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let turn = 0; ; turn++) {
    const into = new Uint8Array(lengths[turn % lengths.length] ?? 1);
    // oxlint-disable-next-line no-await-in-loop -- one read after the other
    const byteCount = await from.read(into);
    if (byteCount === 0) return Buffer.concat(parts);
    parts.push(into.subarray(0, byteCount));
  }
}

/**
 * Something goes the other way and arrives: until then the event loop has looked at every socket, so what was sent before has been read
 * if anybody reads.
 */
export async function roundTrip({ far, near }: Connection): Promise<void> {
  const heard = once(far, 'data');
  await near.write([Uint8Array.of(1)]);
  await heard;
}

/** Bytes in which a piece that is lost, repeated or moved shows. */
export function pattern(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at + 4 <= sizeBytes; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}
