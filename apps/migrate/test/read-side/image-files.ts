import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseLimiter } from '@stillframe/limiter';
import { pageCodec } from '@stillframe/page-codec';
import { PageStreamEncoder } from '@stillframe/page-stream';
import { memorySink, monotonicClock, takeSnapshot } from '@stillframe/snapshot';
import { SimulatedGuest, type SimulatedRegion } from '@stillframe/snapshot/simulated';
import type { WorkloadImage } from '../../src/workloads/index.ts';
import { takeImage, withWorkload, writesDone } from '../workloads/take-image.ts';

const PAGE = 4096;
const IMAGE_MAX_BYTES = 64 * 2 ** 20;

/** A folder for one test, gone afterwards. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'stillframe-read-side-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Writes `bytes` as a file; gives its path. */
export async function fileOf(folder: string, name: string, bytes: Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  return file;
}

/** A snapshot of simulated memory, for which there is no oracle, and that memory. */
export async function simulatedImage(
  regions: readonly SimulatedRegion[],
): Promise<{ bytes: Uint8Array; memory: readonly Uint8Array[] }> {
  await using guest = new SimulatedGuest({ clock: monotonicClock, regions });
  const sink = memorySink({ maxBytes: IMAGE_MAX_BYTES });
  await takeSnapshot({
    guest,
    sink,
    limiter: parseLimiter('none'),
    capture: { preImagesMaxBytes: 2 ** 20, overflow: 'stall' },
    codec: pageCodec,
    streamId: new Uint8Array(16).fill(7),
  }).result;
  return { bytes: sink.image()!, memory: guest.memoryAtCut };
}

/** The memory of a counter under load, at rest; its oracle accepts it. */
export function counterImage(): Promise<WorkloadImage> {
  return withWorkload('counter,size=256KiB,writers=2,rate=0', async (workload) => {
    await writesDone(workload, 500);
    return takeImage(workload);
  });
}

/** `image` as a page stream whose checksums and digest are right, whatever is in it. */
export function encodeImage({ state, regions }: WorkloadImage): Uint8Array {
  const encoder = new PageStreamEncoder({ streamId: new Uint8Array(16), codec: pageCodec });
  const chunks: Uint8Array[] = [];
  const keep = (iovecs: readonly Uint8Array[]) => chunks.push(...iovecs.map((bytes) => bytes.slice()));
  const named = [...regions];
  keep(
    encoder.start(
      named.map(([name, { byteLength }], id) => ({ id, name, sizeBytes: byteLength, pageSize: PAGE })),
    ),
  );
  keep(encoder.state(state));
  for (const [id, [, bytes]] of named.entries()) {
    keep(
      encoder.encodePages(id, [{ firstPage: 0, pageCount: bytes.byteLength / PAGE, kind: 'data' }], bytes),
    );
  }
  keep(encoder.end());
  return Buffer.concat(chunks);
}

/** A copy with one bit flipped. */
export function flipped(bytes: Uint8Array, offset: number): Uint8Array {
  const copy = bytes.slice();
  copy[offset]! ^= 1;
  return copy;
}
