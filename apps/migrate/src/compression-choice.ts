import type { ChunkOptions, CompressionOptions } from '@stillframe/page-stream';
import { CliError } from './cli-error.ts';

/** How images are written; disposing ends the threads that compress. */
export interface Compression extends Disposable {
  readonly chunks: ChunkOptions;
}

/** Of lz4 the acceleration. */
const LEVELS = { lz4: [1, 65_537], zstd: [-7, 9] } as const;

/** `none`, `lz4`, `zstd`, the last two with `,level=N`. Throws CliError USAGE, and NOT_AVAILABLE where there is no native codec. */
export async function openCompression(text: string): Promise<Compression> {
  if (text === 'none') return { chunks: {}, [Symbol.dispose]: () => undefined };
  const [, method, level] = /^(lz4|zstd)(?:,level=(-?\d+))?$/.exec(text) ?? [];
  if (method !== 'lz4' && method !== 'zstd') {
    throw new CliError('USAGE', `--compress ${text}`, { hint: 'none, lz4 or zstd, e.g. zstd,level=3' });
  }
  const [min, max] = LEVELS[method];
  if (level !== undefined && (Number(level) < min || Number(level) > max)) {
    throw new CliError('USAGE', `--compress ${text}`, { hint: `Levels of ${method} are ${min} to ${max}.` });
  }
  const packer = await openPacker();
  const compression: CompressionOptions = {
    method,
    ...(level === undefined ? {} : { level: Number(level) }),
  };
  return { chunks: { packer, compression }, [Symbol.dispose]: () => packer.close() };
}

async function openPacker() {
  try {
    const { Packer } = await import('@stillframe/page-codec');
    return new Packer();
  } catch (cause) {
    throw new CliError('NOT_AVAILABLE', 'nothing here can compress', {
      cause,
      hint: 'Use --compress none: the native codec is for Linux on x64 and arm64.',
    });
  }
}
