import { type Ack, agreeChunks, type ChunkOptions, formatDigest } from '@stillframe/page-stream';
import { SnapshotError } from '../error.ts';
import type { SnapshotSummary } from '../event.ts';
import { asStreamFailure } from '../stream-failure.ts';
import { type SnapshotOptions, type SnapshotRun, startSnapshot } from '../take-snapshot.ts';
import { openPeerSink, type PeerOptions } from './peer-sink.ts';

export interface PeerSnapshotOptions extends Omit<SnapshotOptions, 'sink' | 'readerLimits'>, PeerOptions {}

export interface PeerSnapshotSummary extends SnapshotSummary {
  /** What the destination confirmed. */
  readonly ack: Ack;
}

/** A snapshot on its way to another process. */
export type PeerSnapshotRun = SnapshotRun<PeerSnapshotSummary>;

/**
 * HELLO in both directions, then `takeSnapshot` over the connection, then the destination's ACK. Of `chunks` the destination gets what it
 * can read, plain pages if need be; where it cannot take an increment this rejects with `version-mismatch`.
 *
 * Resolves when both sides have agreed and the snapshot begins; the guest is not touched before. Rejects as `openPeerSink` does. The
 * run's result rejects with `peer-lost` when the link dies; `imageMayBeComplete` in its operands says whether that was between END
 * and ACK.
 */
export async function streamToPeer(options: PeerSnapshotOptions): Promise<PeerSnapshotRun> {
  const sink = await openPeerSink(options);
  try {
    const { chunks: wanted, ...rest } = options;
    const chunks = agreed(wanted, sink.readerFeatures);
    return startSnapshot(
      { ...rest, ...(chunks === undefined ? {} : { chunks }), sink, readerLimits: sink.readerLimits },
      (summary) => confirmed(summary, sink.ack!),
    );
  } catch (error) {
    await sink.abort(error);
    throw error;
  }
}

/** What the destination can read of what is wanted. Throws `version-mismatch` when it cannot take an increment. */
function agreed(wanted: ChunkOptions | undefined, readerFeatures: number): ChunkOptions | undefined {
  try {
    return wanted === undefined ? undefined : agreeChunks(wanted, readerFeatures);
  } catch (error) {
    throw asStreamFailure(error);
  }
}

function confirmed(summary: SnapshotSummary, ack: Ack): PeerSnapshotSummary {
  const theirs = formatDigest(ack.digest);
  if (theirs === summary.digest) return { ...summary, ack };
  throw new SnapshotError(
    'corrupt-stream',
    `the destination confirmed digest ${theirs}, sent was ${summary.digest}`,
    {
      hint: 'The destination is wrong about what it received. Do not use its image.',
    },
  );
}
