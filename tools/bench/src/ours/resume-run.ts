import { memoryGuest } from '@stillframe/guests/memory';
import { none } from '@stillframe/limiter';
import { pageCodec } from '@stillframe/page-codec';
import { openSession, type Sink, takeSnapshot, type Transport } from '@stillframe/snapshot';
import { connectTo, tcpTransport } from '../../../../apps/migrate/src/io/tcp-transport.ts';
import { DEFAULT_CAPTURE } from '../stream-request.ts';
import type { Addon } from './addon.ts';
import { mapGuest } from './guest-memory.ts';

export interface ResumeRequest {
  readonly bytes: number;
  /** Of a `resumeReader`. */
  readonly port: number;
  /** A connection that may come back; otherwise a plain one. */
  readonly isSession: boolean;
}

/** A snapshot over a connection that the reader may cut. `givenBytes`: of the page stream, to each connection. */
export async function runResume(
  addon: Addon,
  { bytes, port, isSession }: ResumeRequest,
): Promise<{ streamMs: number; givenBytes: readonly number[] }> {
  const memory = mapGuest(addon, bytes, 'base');
  await using guest = memoryGuest({ regions: [{ name: 'memory', memory }] });
  const givenBytes: number[] = [];
  const connect = async (signal: AbortSignal) => {
    const transport = tcpTransport(await connectTo({ host: '127.0.0.1', port }, signal));
    givenBytes.push(0);
    return counting(transport, givenBytes, givenBytes.length - 1);
  };
  const transport = isSession ? await openSession({ connect }) : await connect(new AbortController().signal);
  const reading = readToEnd(transport);
  const { streamMs } = await takeSnapshot({
    guest,
    sink: sinkTo(transport),
    limiter: none(),
    codec: pageCodec,
    capture: DEFAULT_CAPTURE,
  }).result;
  await transport.destroy();
  await reading;
  return { streamMs, givenBytes };
}

/** As the source of a page stream does: what the reader has comes back this way. */
async function readToEnd(transport: Transport): Promise<void> {
  const buffer = new Uint8Array(4096);
  // oxlint-disable-next-line no-await-in-loop -- to the end
  while ((await transport.read(buffer)) > 0);
}

/** A session writes a frame alone, or a frame and the bytes that it announces. */
function counting(transport: Transport, given: number[], at: number): Transport {
  return {
    ...transport,
    async write(iovecs) {
      if (iovecs.length === 2) given[at]! += iovecs[1]!.byteLength;
      await transport.write(iovecs);
    },
  };
}

function sinkTo(transport: Transport): Sink {
  return {
    write: (iovecs) => transport.write(iovecs),
    end: () => transport.end(),
    abort: () => transport.destroy(),
  };
}
