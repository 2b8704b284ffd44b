import type { Benchmark, Context } from '../benchmark.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { idleSnapshot } from '../stream-request.ts';
import { throughput } from '../throughput.ts';

const NAME = 'file';
const RATIO_MIN = 0.8;
const NS_PER_MS = 1e6;

type State = 'fresh' | 'existing';

/** The whole path to a file in memory, against write(2) of the same bytes. */
export const file: Benchmark = {
  name: NAME,
  summary: 'a snapshot with checksums into a tmpfs file, against a plain 1 MiB write loop in C',
  run: async (context) => [...(await compare(context, 'fresh')), ...(await compare(context, 'existing'))],
};

async function compare(context: Context, state: State): Promise<Row[]> {
  const { guestBytes, rounds, ours, peers, progress, withFile } = context;
  const results = await alternate(
    rounds,
    {
      snapshot: () =>
        withFile(async (path) => {
          const { streamMs, totalMs } = await ours.snapshot(idleSnapshot(guestBytes, { kind: state, path }));
          return { ns: streamMs * NS_PER_MS, totalNs: totalMs * NS_PER_MS };
        }),
      loop: () =>
        withFile(async (path) => {
          const { ns } = await peers.writeFile(guestBytes, path, state);
          return { ns, totalNs: ns };
        }),
    },
    (text) => progress(`${state} file, ${text}`),
  );
  const subject = `${sizeText(guestBytes)} to ${state === 'fresh' ? 'a fresh' : 'an existing'} tmpfs file`;
  const peer = throughput('write loop', guestBytes, results.loop);
  const stream: Row = {
    benchmark: NAME,
    subject,
    measured: throughput('stream', guestBytes, results.snapshot),
    peer,
  };
  if (state === 'existing') return [stream];
  const totals = results.snapshot.map(({ totalNs }) => ({ ns: totalNs }));
  return [
    { ...stream, goal: { kind: 'ratioAtLeast', limit: RATIO_MIN } },
    {
      benchmark: NAME,
      subject: `${subject}, with allocation, pause and end`,
      measured: throughput('all of it', guestBytes, totals),
      peer,
    },
  ];
}
