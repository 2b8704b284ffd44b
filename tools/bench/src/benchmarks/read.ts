import { open, writeFile } from 'node:fs/promises';
import { Packer, pageCodec } from '@stillframe/page-codec';
import { CHUNK_WORDS, chunkKinds, chunkWord, packMethods, PageStreamDecoder } from '@stillframe/page-stream';
import { receiveStream, type Target } from '@stillframe/snapshot';
import type { Benchmark, Context } from '../benchmark.ts';
import { streamOf } from '../encode-image.ts';
import { guestLikePages } from '../guest-like-pages.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { throughput } from '../throughput.ts';

const NAME = 'read';
/** What is not compressed, against memcpy. */
const RAW_RATIO_MIN = 0.5;
/** What is compressed, against its codec alone, on the one thread that decodes. */
const UNPACK_RATIO_MIN = 0.7;
const CHUNK_BYTES = 64 * 1024;
const WARM_UP_PASSES = 3;

/** An image on its way back: all checks and the digest, from memory and from a file. */
export const read: Benchmark = {
  name: NAME,
  summary: 'decoding and verifying an image against memcpy, and against lz4 and zstd alone',
  run: async (context) => {
    const memory = await guestLikePages(context.smallGuestBytes);
    const rows = await raw(context, memory);
    for (const method of ['lz4', 'zstd'] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the point
      rows.push(await packed(context, memory, method));
    }
    return rows;
  },
};

async function raw({ rounds, peers, progress, withFile }: Context, memory: Uint8Array): Promise<Row[]> {
  const pages = await streamOf(memory);
  const chunks = await streamOf(memory, {});
  warmUp(pages);
  warmUp(chunks);
  return withFile(async (path) => {
    await writeFile(path, pages);
    const results = await alternate(
      rounds,
      {
        pages: async () => verify(pages),
        chunks: async () => verify(chunks),
        file: () => receive(path),
        ring: () => peers.copy(memory.length, 'base', 'ring'),
      },
      (text) => progress(`raw, ${text}`),
    );
    const row = (subject: string, times: readonly { ns: number }[]): Row => ({
      benchmark: NAME,
      subject: `${sizeText(memory.length)}, ${subject}`,
      measured: throughput('decoded and verified', memory.length, times),
      peer: throughput('memcpy to a ring', memory.length, results.ring),
    });
    const goal = { kind: 'ratioAtLeast', limit: RAW_RATIO_MIN } as const;
    return [
      { ...row('not compressed', results.pages), goal },
      { ...row('not compressed, in chunks', results.chunks), goal },
      row('not compressed, from a tmpfs file', results.file),
    ];
  });
}

async function packed(
  { rounds, progress }: Context,
  memory: Uint8Array,
  method: 'lz4' | 'zstd',
): Promise<Row> {
  const packer = new Packer();
  const stream = await streamOf(memory, { packer, compression: { method } });
  const chunks = await packAll(memory, packer, method);
  packer.close();
  warmUp(stream);
  const results = await alternate(
    rounds,
    {
      decoder: async () => verify(stream),
      codec: async () => unpackAll(chunks, method),
    },
    (text) => progress(`${method}, ${text}`),
  );
  return {
    benchmark: NAME,
    subject: `${sizeText(memory.length)}, ${method}`,
    measured: throughput('decoded and verified', memory.length, results.decoder),
    peer: throughput(`${method} alone`, memory.length, results.codec),
    goal: { kind: 'ratioAtLeast', limit: UNPACK_RATIO_MIN },
    note: `from ${((100 * stream.length) / memory.length).toFixed(0)} %`,
  };
}

/** All checks that a destination makes, and the pages as views or unpacked, of which nothing is kept. */
function verify(stream: Uint8Array): { ns: number } {
  const startNs = process.hrtime.bigint();
  const decoder = new PageStreamDecoder({ from: 'file', codec: pageCodec });
  let pages = 0;
  for (const frame of decoder.push(stream)) if (frame.type === 'pages') pages += frame.runs.length;
  decoder.finish();
  if (pages === 0) throw new Error('the stream had no pages');
  return { ns: Number(process.hrtime.bigint() - startNs) };
}

/** The decoder is compiled while it runs, as the codecs were long ago: what that takes is the same for an image of any size. */
function warmUp(stream: Uint8Array): void {
  for (let pass = 0; pass < WARM_UP_PASSES; pass++) verify(stream);
}

/** As `migrate verify` without an oracle reads a file: into the decoder's own buffers. */
async function receive(path: string): Promise<{ ns: number }> {
  const handle = await open(path);
  try {
    const startNs = process.hrtime.bigint();
    await receiveStream({
      source: { read: async (into) => (await handle.read(into, 0, into.byteLength)).bytesRead },
      target: nowhere,
      codec: pageCodec,
    }).result;
    return { ns: Number(process.hrtime.bigint() - startNs) };
  } finally {
    await handle.close();
  }
}

/** Takes everything and keeps nothing. */
const nowhere: Target = {
  async allocate() {},
  async writeState() {},
  async writePages() {},
  async commit() {},
  async discard() {},
};

/** Chunks of the same size as in the stream, those that did not shrink as they are. */
async function packAll(memory: Uint8Array, packer: Packer, method: 'lz4' | 'zstd') {
  const stored: { readonly isPacked: boolean; readonly bytes: Uint8Array }[] = [];
  for (let at = 0; at < memory.length; at += CHUNK_BYTES) {
    const chunks = new Uint32Array(CHUNK_WORDS);
    chunks[chunkWord.sizeBytes] = CHUNK_BYTES;
    chunks[chunkWord.method] = packMethods.indexOf(method);
    const pages = memory.subarray(at, at + CHUNK_BYTES);
    // oxlint-disable-next-line no-await-in-loop -- nobody waits for it
    const slab = await packer.pack({ region: 0, pages, base: undefined, chunks, level: 1, minSaving: 128 });
    const storedAt = chunks[chunkWord.storedAt]!;
    const bytes = slab.bytes.slice(storedAt, storedAt + chunks[chunkWord.storedBytes]!);
    stored.push({ isPacked: chunkKinds[chunks[chunkWord.kind]!] !== 'data', bytes });
    slab.release();
  }
  return stored;
}

/** What the codec alone takes, into a buffer of a MiB again and again. */
function unpackAll(chunks: Awaited<ReturnType<typeof packAll>>, method: 'lz4' | 'zstd'): { ns: number } {
  const room = new Uint8Array(16 * CHUNK_BYTES);
  const unpack = (stored: Uint8Array, pages: Uint8Array) =>
    method === 'lz4' ? pageCodec.unpackLz4(stored, pages) : pageCodec.unpackZstd(stored, pages);
  const startNs = process.hrtime.bigint();
  let at = 0;
  for (const { isPacked, bytes } of chunks) {
    const pages = room.subarray(at, at + CHUNK_BYTES);
    if (!isPacked) pages.set(bytes);
    else if (!unpack(bytes, pages)) throw new Error('a chunk does not unpack');
    at = (at + CHUNK_BYTES) % room.length;
  }
  return { ns: Number(process.hrtime.bigint() - startNs) };
}
