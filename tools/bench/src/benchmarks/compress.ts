import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Benchmark, Context } from '../benchmark.ts';
import { guestLikePages } from '../guest-like-pages.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { throughput } from '../throughput.ts';

const NAME = 'compress';
const RATIO_MIN = 0.7;

/** The whole way of a page through a snapshot in lz4: sweep, plan, pack, write. `codec` has the encoder alone. */
export const compress: Benchmark = {
  name: NAME,
  summary: 'a snapshot in lz4 against LZ4 alone on as many threads',
  run: async (context) => {
    const contents = await guestLikePages(context.smallGuestBytes);
    const rows: Row[] = [];
    for (const threads of new Set([1, availableParallelism()])) {
      // oxlint-disable-next-line no-await-in-loop -- one at a time
      rows.push(await compare(context, contents, threads));
    }
    return rows;
  },
};

async function compare(context: Context, contents: Uint8Array, threads: number): Promise<Row> {
  const { rounds, ours, peers, progress, withFile } = context;
  return await withFile(async (path) => {
    await writeFile(path, contents);
    let imageBytes = 0;
    const results = await alternate(
      rounds,
      {
        snapshot: async () => {
          const { ns, bytes } = await ours.compressed(path, threads);
          imageBytes = bytes;
          return { ns };
        },
        lz4: () => peers.pack(path, threads),
      },
      (text) => progress(`${threads} threads, ${text}`),
    );
    return {
      benchmark: NAME,
      subject: `${sizeText(contents.length)}, a snapshot in lz4 on ${threads} thread${threads === 1 ? '' : 's'}`,
      measured: throughput('snapshot', contents.length, results.snapshot),
      peer: throughput('LZ4 alone', contents.length, results.lz4),
      goal: { kind: 'ratioAtLeast', limit: RATIO_MIN },
      note: `to ${((100 * imageBytes) / contents.length).toFixed(0)} %`,
    };
  });
}
