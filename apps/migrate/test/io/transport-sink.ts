import type { Socket } from 'node:net';
import type { Transport } from '@stillframe/snapshot';
import type { SinkUnderTest } from '@stillframe/snapshot/compliance';

/** A sink over a real connection; the image is what the other side has read when it has seen the end. */
export function transportSink({ near, far }: { near: Transport; far: Socket }): SinkUnderTest {
  const received: Buffer[] = [];
  far.on('data', (chunk: Buffer) => received.push(chunk));
  const ended = new Promise((resolve) => {
    far.on('end', resolve);
  });
  let state: 'open' | 'ended' | 'aborted' = 'open';
  const assertOpen = () => {
    if (state !== 'open') throw new Error(`the sink is ${state}`);
  };
  return {
    sink: {
      async write(iovecs) {
        assertOpen();
        await near.write(iovecs);
      },
      async end() {
        assertOpen();
        await near.end();
        await ended;
        state = 'ended';
      },
      async abort() {
        if (state !== 'open') return;
        state = 'aborted';
        await near.destroy();
      },
    },
    image: async () => (state === 'ended' ? Buffer.concat(received) : undefined),
    [Symbol.asyncDispose]: async () => {
      far.destroy();
      await near.destroy();
    },
  };
}
