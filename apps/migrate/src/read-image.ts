import { pageCodec } from '@stillframe/page-codec';
import { restoreImage } from '@stillframe/snapshot';
import { openFileSource } from './io/file-source.ts';
import { memoryTarget } from './io/memory-target.ts';
import type { WorkloadImage } from './workloads/index.ts';

/** Brings an image file into memory; every checksum, the coverage and the digest are right when this resolves. */
export async function readImage(path: string, signal: AbortSignal): Promise<WorkloadImage> {
  await using source = await openFileSource(path);
  const target = memoryTarget();
  await restoreImage({ source, target, codec: pageCodec, signal }).result;
  return target.image();
}
