import { readFileSync } from 'node:fs';
import { memoryGuest } from '@stillframe/guests/memory';
import { none } from '@stillframe/limiter';
import { Packer, pageCodec } from '@stillframe/page-codec';
import { SLABS_UNDER_WAY_MAX } from '@stillframe/page-stream';
import { nullSink, takeSnapshot } from '@stillframe/snapshot';
import { Mapping } from '@stillframe/uffd';
import { DEFAULT_CAPTURE } from '../stream-request.ts';
import type { Addon } from './addon.ts';

export interface CompressedRequest {
  /** What the guest's memory holds. */
  readonly path: string;
  readonly threads: number;
}

/** A whole snapshot in lz4, of memory that nobody writes, to a sink that costs nothing. */
export async function runCompressed(_: Addon, { path, threads }: CompressedRequest): Promise<object> {
  const contents = readFileSync(path);
  const memory = new Mapping({ sizeBytes: contents.length });
  new Uint8Array(memory.buffer).set(contents);
  await using guest = memoryGuest({ regions: [{ name: 'memory', memory }] });
  using packer = new Packer({ threads });
  const { streamMs, bytes, packing } = await takeSnapshot({
    guest,
    sink: nullSink(),
    limiter: none(),
    codec: pageCodec,
    capture: DEFAULT_CAPTURE,
    chunks: { index: true, packer, compression: { method: 'lz4' } },
    packedSlabs: Math.min(packer.buffers, SLABS_UNDER_WAY_MAX),
  }).result;
  return { ns: streamMs * NS_PER_MS, bytes, ratio: packing.ratio };
}

const NS_PER_MS = 1e6;
