import type { Benchmark } from '../benchmark.ts';
import { alternate } from '../rounds.ts';
import { sizeText } from '../size-text.ts';
import { idleSnapshot } from '../stream-request.ts';
import { throughput } from '../throughput.ts';

const NAME = 'sealed';
const NS_PER_MS = 1e6;

/** The price of sealing an image. */
export const sealed: Benchmark = {
  name: NAME,
  summary:
    'a snapshot into a sealed tmpfs file, against a plain one and against AES-256-GCM of node:crypto alone',
  async run({ guestBytes, rounds, ours, progress, withFile }) {
    const snapshot = (isSealed: boolean) => () =>
      withFile(async (path) => {
        const sink = { kind: 'fresh', path, isSealed } as const;
        const { streamMs } = await ours.snapshot(idleSnapshot(guestBytes, sink));
        return { ns: streamMs * NS_PER_MS };
      });
    const results = await alternate(
      rounds,
      { sealed: snapshot(true), plain: snapshot(false), gcm: () => ours.gcm(guestBytes) },
      progress,
    );
    const row = {
      benchmark: NAME,
      subject: `${sizeText(guestBytes)} to a fresh tmpfs file`,
      measured: throughput('sealed', guestBytes, results.sealed),
    };
    return [
      { ...row, peer: throughput('plain', guestBytes, results.plain) },
      { ...row, peer: throughput('AES-256-GCM alone', guestBytes, results.gcm) },
    ];
  },
};
