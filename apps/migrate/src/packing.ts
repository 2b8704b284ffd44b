import { type ChunkOptions, SLABS_UNDER_WAY_MAX } from '@stillframe/page-stream';
import type { SnapshotOptions } from '@stillframe/snapshot';
import { CliError } from './cli-error.ts';
import { chunkOptions, type CompressionChoice } from './options/compression-options.ts';
import type { Report } from './report/report.ts';

/** How an image is packed; disposing ends the threads that do it. */
export interface Packing extends Disposable {
  readonly chunks: ChunkOptions;
  /** As many slabs as the packer has buffers. */
  readonly packedSlabs?: number;
}

/** More are of no use: see `SLABS_UNDER_WAY_MAX` in `@stillframe/page-stream`. */
const THREADS_MAX = 30;

/** Starts the threads that the choice needs. Throws CliError NOT_AVAILABLE where there is no native codec. */
export async function openPacking(choice: CompressionChoice, report?: Report): Promise<Packing> {
  const chunks = chunkOptions(choice);
  if (chunks.compression === undefined) return { chunks, [Symbol.dispose]: () => undefined };
  const packer = await openPacker(choice, report);
  if (packer === undefined) {
    return { chunks: chunkOptions({ ...choice, method: 'none' }), [Symbol.dispose]: () => undefined };
  }
  return {
    chunks: { ...chunks, packer },
    packedSlabs: Math.min(packer.buffers, SLABS_UNDER_WAY_MAX),
    [Symbol.dispose]: () => packer.close(),
  };
}

async function openPacker({ method, isOptional }: CompressionChoice, report: Report | undefined) {
  try {
    const { Packer } = await import('@stillframe/page-codec');
    const packer = new Packer();
    if (packer.threads <= THREADS_MAX) return packer;
    packer.close();
    return new Packer({ threads: THREADS_MAX });
  } catch (cause) {
    if (isOptional) {
      report?.talk('nothing here can compress: the image is not compressed');
      return undefined;
    }
    throw new CliError('NOT_AVAILABLE', `nothing here can compress with ${method}`, {
      cause,
      hint: 'Use --compress none: the native codec is for Linux on x64 and arm64.',
    });
  }
}

/** The options of a snapshot. With an index: whoever stores what comes, as it comes, can read any page of it then. */
export function packedBy({ chunks, packedSlabs }: Packing): Pick<SnapshotOptions, 'chunks' | 'packedSlabs'> {
  return { chunks: { ...chunks, index: true }, ...(packedSlabs === undefined ? {} : { packedSlabs }) };
}
