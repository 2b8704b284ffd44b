import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Packer } from '@stillframe/page-codec';
import type { Benchmark, Context } from '../benchmark.ts';
import { eachSlab } from '../encode-image.ts';
import { guestLikePages } from '../guest-like-pages.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { throughput } from '../throughput.ts';

const NAME = 'codec';
/** The way of a slab through encoder and packer, against LZ4 alone on as many threads. */
const PACK_RATIO_MIN = 0.7;

/** The page stream alone: from memory to frames, without a guest, a file or a peer. `read` is the way back. */
export const codec: Benchmark = {
  name: NAME,
  summary: 'lz4 by the packer against LZ4 alone on as many threads',
  run: async (context) => {
    const memory = await guestLikePages(context.smallGuestBytes);
    const rows = [await pack(context, memory, 1)];
    const cores = availableParallelism();
    if (cores > 1) rows.push(await pack(context, memory, cores));
    return rows;
  },
};

/** Everything that a slab goes through: zero scan, CRC, digest, LZ4, frames. */
async function pack(
  { rounds, peers, withFile, progress }: Context,
  memory: Uint8Array,
  threads: number,
): Promise<Row> {
  return withFile(async (path) => {
    await writeFile(path, memory);
    let packedBytes = 0;
    const results = await alternate(
      rounds,
      {
        packer: async () => {
          const { ns, bytes } = await encode(memory, threads);
          packedBytes = bytes;
          return { ns };
        },
        lz4: () => peers.pack(path, threads),
      },
      (text) => progress(`${threads} threads, ${text}`),
    );
    return {
      benchmark: NAME,
      subject: `${sizeText(memory.length)}, lz4 on ${threads} thread${threads === 1 ? '' : 's'}`,
      measured: throughput('encoder and packer', memory.length, results.packer),
      peer: throughput('LZ4 alone', memory.length, results.lz4),
      goal: { kind: 'ratioAtLeast', limit: PACK_RATIO_MIN },
      note: `to ${((100 * packedBytes) / memory.length).toFixed(0)} %`,
    };
  });
}

async function encode(memory: Uint8Array, threads: number): Promise<{ ns: number; bytes: number }> {
  const packer = new Packer({ threads });
  const startNs = process.hrtime.bigint();
  let bytes = 0;
  await eachSlab(memory, { packer, compression: { method: 'lz4' }, index: true }, (buffers) => {
    for (const { length } of buffers) bytes += length;
  });
  const ns = Number(process.hrtime.bigint() - startNs);
  packer.close();
  return { ns, bytes };
}
