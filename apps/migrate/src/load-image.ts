import type { PageReader, StoredImage } from '@stillframe/page-stream';
import {
  type ReceiveRun,
  type ReceiveSummary,
  restoreChain,
  restoreImage,
  type Target,
} from '@stillframe/snapshot';
import { type ImageChain, openChain, openOnto, type ParentChoice } from './chain/image-chain.ts';
import type { CliContext } from './cli.ts';
import { ReadMark } from './chain/read-mark.ts';
import { CliError } from './cli-error.ts';
import { pageCodec } from './codec.ts';
import { memoryTarget } from './io/memory-target.ts';
import { tellDamage } from './report/damage.ts';
import type { Report } from './report/report.ts';
import { watchReceipt } from './report/watch-receipt.ts';
import { noteSalvagedIn } from './salvaged-note.ts';
import type { WorkloadImage } from './workloads/index.ts';

/** An image in memory whose checksums, coverage and digest are right. Disposing gives the memory back. */
export interface LoadedImage extends AsyncDisposable {
  readonly image: WorkloadImage;
  readonly summary: ReceiveSummary;
}

export interface LoadOptions extends ParentChoice {
  readonly context: CliContext;
  readonly report: Report;
}

/** Brings an image file into memory, with progress; an increment with all that it builds on. */
export async function loadImage(path: string, options: LoadOptions): Promise<LoadedImage> {
  const target = memoryTarget();
  const summary = await restoreInto(path, target, options);
  return { image: target.image(), summary, [Symbol.asyncDispose]: () => target.discard() };
}

/**
 * Reads an image file into `target`, with progress; the target is told to discard when anything is wrong. An increment is put over the
 * images below it, each of which is checked like one of its own.
 */
export async function restoreInto(
  path: string,
  target: Target,
  { context, report, ...choice }: LoadOptions,
): Promise<ReceiveSummary> {
  return await discardingOnFailure(target, report, async () => {
    const mark = new ReadMark();
    await using chain = await openChain(path, { ...choice, mark });
    await noteSalvagedIn(chain.links, report);
    const read = () => watchReceipt(startReading(chain, target, context.signal), 'read', { context, report });
    // Of one file there is no doubt.
    return chain.links.length === 1 ? await read() : await mark.naming(read);
  });
}

/** Also when not even reading began: what the target was made with is its own to remove. */
async function discardingOnFailure<T>(target: Target, report: Report, read: () => Promise<T>): Promise<T> {
  try {
    return await tellDamage(report, read);
  } catch (error) {
    await target.discard();
    throw error;
  }
}

function startReading({ links, top }: ImageChain, target: Target, signal: AbortSignal): ReceiveRun {
  if (links.length === 1 && target.readPages === undefined) {
    // Pages that are the same as earlier ones are read from the file again.
    let image: StoredImage | undefined;
    const earlier: PageReader = {
      readPages: (region, page, pages) => (image ??= openOnto(top, undefined)).readPages(region, page, pages),
    };
    return restoreImage({ source: top.source, target, earlier, codec: pageCodec, signal });
  }
  if (target.readPages === undefined) {
    throw new CliError('REFUSED', `${top.path} is an increment`, {
      hint: 'Make a full image of it first: `migrate flatten`.',
    });
  }
  return restoreChain({ layers: links, target, codec: pageCodec, signal });
}
