import type { Benchmark, Context } from '../benchmark.ts';
import { alternate } from '../rounds.ts';
import { sizeText } from '../size-text.ts';
import { idleSnapshot } from '../stream-request.ts';
import { throughput } from '../throughput.ts';

const NAME = 'tcp';
const RATIO_MIN = 0.8;
const NS_PER_MS = 1e6;

/** The whole path over TCP, against send(2) of the same bytes to the same reader. */
export const tcp: Benchmark = {
  name: NAME,
  summary:
    'a snapshot with checksums over TCP loopback to a discarding reader, against a plain 1 MiB send loop in C',
  async run(context) {
    const { guestBytes, rounds, ours, peers, progress } = context;
    const results = await alternate(
      rounds,
      {
        snapshot: () =>
          toReader(context, async (port) => {
            const { streamMs } = await ours.snapshot(idleSnapshot(guestBytes, { kind: 'tcp', port }));
            return { ns: streamMs * NS_PER_MS };
          }),
        loop: () => toReader(context, (port) => peers.sendTcp(guestBytes, port)),
      },
      progress,
    );
    return [
      {
        benchmark: NAME,
        subject: `${sizeText(guestBytes)} over TCP loopback`,
        measured: throughput('stream', guestBytes, results.snapshot),
        peer: throughput('send loop', guestBytes, results.loop),
        goal: { kind: 'ratioAtLeast', limit: RATIO_MIN },
      },
    ];
  },
};

/** Both sides are timed by themselves, until the kernel has taken the last byte; that the reader had them all is checked. */
async function toReader<T>({ guestBytes, peers }: Context, send: (port: number) => Promise<T>): Promise<T> {
  const { port, received } = await peers.discard();
  const result = await send(port);
  const bytes = await received();
  if (bytes < guestBytes) throw new Error(`the reader had ${bytes} bytes of ${guestBytes}`);
  return result;
}
