import { type ChunkOptions, formatDigest } from '@stillframe/page-stream';
import type { SealKey } from '@stillframe/sealed-file';
import { SnapshotError } from '@stillframe/snapshot';
import { ChainPages } from './chain/chain-pages.ts';
import type { ImageLink } from './chain/image-link.ts';
import { AtomicFile } from './io/atomic-file.ts';
import type { FileOps } from './io/file-ops.ts';
import { writeImage, type WrittenImage } from './write-image.ts';

export interface FlattenOptions {
  readonly out: string;
  /** Seals it. */
  readonly key?: SealKey | undefined;
  readonly ops?: FileOps;
  readonly chunks: ChunkOptions;
  readonly signal: AbortSignal;
  readonly onPages: (donePages: number, bytes: number) => void;
}

/**
 * Writes the last image of a chain as one that is complete in itself, with an id of its own. It is there only if its digest is that of the
 * image, so every page was read and is right. Throws SnapshotError, the reason of `signal`, and what writing throws.
 */
export async function flattenImage(
  links: readonly ImageLink[],
  options: FlattenOptions,
): Promise<WrittenImage> {
  const pages = new ChainPages(links);
  const file = await AtomicFile.create(options.out, options);
  try {
    const { regions } = pages.top;
    file.neededBytes = regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const whole = {
      regions,
      state: pages.top.readState(),
      owner: (region: number, page: number) => pages.owner(region, page),
      readPages: (region: number, page: number, into: Uint8Array) => pages.readPages(region, page, into),
    };
    const flattened = await writeImage(whole, file, options);
    assertSameDigest(pages.top.digest, flattened.totals.digest);
    await file.commit();
    return flattened;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

function assertSameDigest(wanted: Uint32Array, digest: Uint32Array): void {
  if (formatDigest(wanted) === formatDigest(digest)) return;
  const message = `the digest is ${formatDigest(digest)}, and should be ${formatDigest(wanted)}`;
  throw new SnapshotError('corrupt-stream', message, { operands: { streamCode: 'STREAM_DIGEST' } });
}
