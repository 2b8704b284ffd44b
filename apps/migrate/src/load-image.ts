import { type ReceiveSummary, restoreImage, type Target } from '@stillframe/snapshot';
import type { CliContext } from './cli.ts';
import { pageCodec } from './codec.ts';
import { openFileSource } from './io/file-source.ts';
import { memoryTarget } from './io/memory-target.ts';
import { tellDamage } from './report/damage.ts';
import type { Report } from './report/report.ts';
import { watchReceipt } from './report/watch-receipt.ts';
import type { WorkloadImage } from './workloads/index.ts';

/** An image in memory whose checksums, coverage and digest are right. Disposing gives the memory back. */
export interface LoadedImage extends AsyncDisposable {
  readonly image: WorkloadImage;
  readonly summary: ReceiveSummary;
}

export interface LoadOptions {
  readonly context: CliContext;
  readonly report: Report;
}

/** Brings an image file into memory, with progress. */
export async function loadImage(path: string, options: LoadOptions): Promise<LoadedImage> {
  const target = memoryTarget();
  const summary = await restoreInto(path, target, options);
  return { image: target.image(), summary, [Symbol.asyncDispose]: () => target.discard() };
}

/** Reads an image file into `target`, with progress; the target is told to discard when anything is wrong. */
export async function restoreInto(
  path: string,
  target: Target,
  { context, report }: LoadOptions,
): Promise<ReceiveSummary> {
  await using source = await openFileSource(path);
  const run = restoreImage({ source, target, codec: pageCodec, signal: context.signal });
  return await tellDamage(report, () => watchReceipt(run, 'read', { context, report }));
}
