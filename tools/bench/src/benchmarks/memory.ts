import { type Benchmark, type Context, MIB } from '../benchmark.ts';
import { series } from '../figure.ts';
import { HEAVY_LOAD } from '../load.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';

const NAME = 'memory';
/** Beyond the store: V8's heap, tables of pages and slabs, buffers of the sink. */
const EXTRA_MAX_BYTES = 64 * MIB;
/** Small against the guest, so that it runs full. */
const STORE_BYTES = 64 * MIB;
const SINK_BYTES_PER_SECOND = 200 * MIB;
const RATIO_MAX = 1;

/** How much the process grows while writers overrun a slow sink. */
export const memory: Benchmark = {
  name: NAME,
  summary: 'growth of resident memory under a heavy load with a slow sink, against maxBytes + 64 MiB',
  run: async (context) => [await grow(context, 'spill'), await grow(context, 'stall')],
};

async function grow(
  { guestBytes, longRounds, ours, progress }: Context,
  overflow: 'spill' | 'stall',
): Promise<Row> {
  const { snapshot } = await alternate(
    longRounds,
    {
      snapshot: () =>
        ours.snapshot({
          bytes: guestBytes,
          sink: { kind: 'slow', bytesPerSecond: SINK_BYTES_PER_SECOND },
          limiter: 'none',
          load: HEAVY_LOAD,
          preImagesMaxBytes: STORE_BYTES,
          overflow,
        }),
    },
    (text) => progress(`${overflow}, ${text}`),
  );
  const spilledMiB = Math.max(...snapshot.map(({ spilledBytesMax }) => spilledBytesMax)) / MIB;
  return {
    benchmark: NAME,
    subject: `${sizeText(guestBytes)}, maxBytes ${sizeText(STORE_BYTES)}, overflow ${overflow}: growth`,
    measured: series(
      'process',
      'MiB',
      snapshot.map(({ growthBytes }) => growthBytes / MIB),
      'worst',
    ),
    peer: series('maxBytes + 64 MiB', 'MiB', [(STORE_BYTES + EXTRA_MAX_BYTES) / MIB]),
    goal: { kind: 'ratioAtMost', limit: RATIO_MAX },
    ...(overflow === 'spill' ? { note: `up to ${Math.round(spilledMiB)} MiB in the spill file` } : {}),
  };
}
