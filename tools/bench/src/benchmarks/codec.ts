import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Packer, pageCodec } from '@stillframe/page-codec';
import { type ChunkOptions, PageStreamDecoder, PageStreamEncoder } from '@stillframe/page-stream';
import { type Benchmark, type Context, MIB } from '../benchmark.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { throughput } from '../throughput.ts';

const NAME = 'codec';
const PAGE_BYTES = 4096;
const SLAB_BYTES = MIB;
/** Decoding and verifying what is not compressed, against memcpy. */
const DECODE_RATIO_MIN = 0.5;
/** The way of a slab through encoder and packer, against LZ4 alone on as many threads. */
const PACK_RATIO_MIN = 0.7;

/** The page stream alone: from memory to frames and back, without a guest, a file or a peer. */
export const codec: Benchmark = {
  name: NAME,
  summary: 'lz4 by the packer against LZ4 alone on as many threads; decoding and verifying against memcpy',
  run: async (context) => {
    const memory = await guestLikePages(context.smallGuestBytes);
    const rows = [await pack(context, memory, 1)];
    const cores = availableParallelism();
    if (cores > 1) rows.push(await pack(context, memory, cores));
    return [...rows, ...(await decode(context, memory))];
  },
};

/** Program code, tagged pointers and a seventh of noise; no page is all zeros, because those do not get as far as a codec. */
async function guestLikePages(sizeBytes: number): Promise<Uint8Array> {
  const memory = new Uint8Array(sizeBytes);
  let at = 0;
  for await (const part of createReadStream(process.execPath, { highWaterMark: MIB, end: sizeBytes - 1 })) {
    memory.set(part, at);
    at += part.length;
  }
  while (at < sizeBytes) {
    memory.copyWithin(at, 0, Math.min(at, sizeBytes - at));
    at *= 2;
  }
  const words = new Uint32Array(memory.buffer);
  let state = 1;
  for (let page = 0; page < sizeBytes / PAGE_BYTES; page++) {
    const from = page * (PAGE_BYTES / 4);
    const filled = page % 7 < 3 ? PAGE_BYTES / 4 : 0;
    for (let i = 0; i < filled; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const pointer = i % 2 === 0 ? 0x4000_0001 + ((state >>> 12) & 0xffff0) : 0x7f3a;
      words[from + i] = page % 7 === 0 ? state : pointer;
    }
    words[from] = page | 1;
  }
  return memory;
}

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

/** Gives every buffer of the image of `memory` to `take`, as many slabs under way as the packer has buffers. */
async function eachSlab(
  memory: Uint8Array,
  chunks: ChunkOptions,
  take: (buffers: readonly Uint8Array[]) => void,
): Promise<void> {
  const encoder = new PageStreamEncoder({ streamId: new Uint8Array(16), codec: pageCodec, chunks });
  take(encoder.start([{ id: 0, name: 'ram', sizeBytes: memory.length, pageSize: PAGE_BYTES }]));
  take(encoder.state({ kind: 'none', bytes: new Uint8Array() }));
  const slabs: Promise<void>[] = [];
  for (let at = 0; at < memory.length; at += SLAB_BYTES) {
    const bytes = memory.subarray(at, at + SLAB_BYTES);
    const run = { firstPage: at / PAGE_BYTES, pageCount: bytes.length / PAGE_BYTES, kind: 'data' as const };
    slabs.push(takeSlab(encoder.packPages(0, [run], bytes), take));
    // oxlint-disable-next-line no-await-in-loop -- a bounded number of slabs is under way
    if (slabs.length > SLABS_UNDER_WAY) await slabs.shift();
  }
  await Promise.all(slabs);
  take(encoder.end());
}

const SLABS_UNDER_WAY = 8;

async function takeSlab(
  packing: ReturnType<PageStreamEncoder['packPages']>,
  take: (buffers: readonly Uint8Array[]) => void,
): Promise<void> {
  const encoded = await packing;
  take(encoded.buffers);
  encoded.release();
}

async function decode({ rounds, peers, progress }: Context, memory: Uint8Array): Promise<Row[]> {
  const raw = await streamOf(memory, {});
  const packer = new Packer();
  const lz4 = await streamOf(memory, { packer, compression: { method: 'lz4' } });
  packer.close();
  const results = await alternate(
    rounds,
    {
      raw: async () => verify(raw),
      lz4: async () => verify(lz4),
      ring: () => peers.copy(memory.length, 'base', 'ring'),
    },
    (text) => progress(`decode, ${text}`),
  );
  const row = (subject: string, name: string, times: readonly { ns: number }[]): Row => ({
    benchmark: NAME,
    subject: `${sizeText(memory.length)}, ${subject}`,
    measured: throughput(name, memory.length, times),
    peer: throughput('memcpy to a ring', memory.length, results.ring),
  });
  return [
    {
      ...row('decode and verify, not compressed', 'decoder', results.raw),
      goal: { kind: 'ratioAtLeast', limit: DECODE_RATIO_MIN },
    },
    row('decode and verify, lz4', 'decoder', results.lz4),
  ];
}

async function streamOf(memory: Uint8Array, chunks: ChunkOptions): Promise<Buffer> {
  const parts: Buffer[] = [];
  await eachSlab(memory, chunks, (buffers) => {
    for (const buffer of buffers) parts.push(Buffer.from(buffer));
  });
  return Buffer.concat(parts);
}

/** All checks that a destination makes, and the pages as views or unpacked, of which nothing is kept. */
function verify(stream: Buffer): { ns: number } {
  const startNs = process.hrtime.bigint();
  const decoder = new PageStreamDecoder({ from: 'file', codec: pageCodec });
  let pages = 0;
  for (const frame of decoder.push(stream)) if (frame.type === 'pages') pages += frame.runs.length;
  decoder.finish();
  if (pages === 0) throw new Error('the stream had no pages');
  return { ns: Number(process.hrtime.bigint() - startNs) };
}
