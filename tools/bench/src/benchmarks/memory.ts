import { type Benchmark, type Context, MIB } from '../benchmark.ts';
import { series } from '../figure.ts';
import { HEAVY_LOAD } from '../load.ts';
import type { SnapshotFigures } from '../ours.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';

const NAME = 'memory';
/** Beyond the store: V8's heap, tables of pages and slabs, buffers of the sink. */
const EXTRA_MAX_BYTES = 64 * MIB;
/** Of the guest: small, so that the store runs full. */
const STORE_SHARE = 1 / 4;
const SINK_BYTES_PER_SECOND = 32 * MIB;
/** Faults may have all of the store but the sweep's eighth. */
const FULL_SHARE = 3 / 4;
const RATIO_MAX = 1;

/** How much the process grows while writers overrun a slow sink. */
export const memory: Benchmark = {
  name: NAME,
  summary: 'growth of resident memory under a heavy load with a slow sink, against maxBytes + 64 MiB',
  run: async (context) => [await grow(context, 'spill'), await grow(context, 'stall')],
};

async function grow(
  { smallGuestBytes, longRounds, ours, progress }: Context,
  overflow: 'spill' | 'stall',
): Promise<Row> {
  const storeBytes = smallGuestBytes * STORE_SHARE;
  const { snapshot } = await alternate(
    longRounds,
    {
      snapshot: () =>
        ours.snapshot({
          bytes: smallGuestBytes,
          sink: { kind: 'slow', bytesPerSecond: SINK_BYTES_PER_SECOND },
          limiter: 'none',
          load: HEAVY_LOAD,
          preImagesMaxBytes: storeBytes,
          overflow,
        }),
    },
    (text) => progress(`${overflow}, ${text}`),
  );
  const wasFull = ({ preImageBytesMax, spilledBytesMax }: SnapshotFigures): boolean =>
    overflow === 'spill' ? spilledBytesMax > 0 : preImageBytesMax > storeBytes * FULL_SHARE;
  const spilledBytes = Math.max(...snapshot.map(({ spilledBytesMax }) => spilledBytesMax));
  return {
    benchmark: NAME,
    subject: `${sizeText(smallGuestBytes)}, maxBytes ${sizeText(storeBytes)}, overflow ${overflow}: growth`,
    measured: series(
      'process',
      'MiB',
      snapshot.map(({ growthBytes }) => growthBytes / MIB),
      'worst',
    ),
    peer: series('maxBytes + 64 MiB', 'MiB', [(storeBytes + EXTRA_MAX_BYTES) / MIB]),
    goal: { kind: 'ratioAtMost', limit: RATIO_MAX },
    ...(overflow === 'spill' ? { note: `up to ${sizeText(spilledBytes)} in the spill file` } : {}),
    ...(snapshot.every(wasFull) ? {} : { voidBecause: 'the writers did not fill the store' }),
  };
}
