import { parseBytes } from '@stillframe/limiter';
import { type ChunkOptions, DEFAULT_CHUNK_BYTES } from '@stillframe/page-stream';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { ConfigFile } from './config-file.ts';

export interface CompressionFlags {
  readonly compress?: string;
  readonly chunk?: string;
  readonly sameAs?: boolean;
}

/** How pages are made small. */
export interface CompressionChoice {
  readonly method: 'none' | 'lz4' | 'zstd';
  /** Of lz4 the acceleration, of zstd its level. */
  readonly level: number;
  readonly chunkBytes: number;
  /** Pages that are the same as earlier ones are stored once. */
  readonly sameAs: boolean;
  /** Without a native codec nothing is compressed, instead of refusing. */
  readonly isOptional: boolean;
}

const CHUNK_MIN_BYTES = 4096;
const CHUNK_MAX_BYTES = 2 * 1024 * 1024;
const LEVELS = { lz4: { min: 1, max: 65_537 }, zstd: { min: -7, max: 9 } } as const;

/** `unsaid`: how pages are packed without `--compress`, in words. */
export function addCompressionOptions(command: Command, unsaid = 'none'): Command {
  return command
    .option(
      '--compress <METHOD[:LEVEL]>',
      `none; lz4, :1 to :65537 is its acceleration; zstd, :-7 to :9; auto is lz4 where it is there. Chunks that do not shrink stay as they are (default: ${unsaid})`,
    )
    .option(
      '--chunk <SIZE>',
      'what is compressed, checked and read as one: 4KiB to 2MiB, by 4KiB (default: 64KiB)',
    )
    .option('--same-as', 'pages that are the same as earlier ones are stored once');
}

/** From flags over the config file over defaults. Throws CliError USAGE and UnitError. */
export function chooseCompression(flags: CompressionFlags, file: ConfigFile = {}): CompressionChoice {
  const text = flags.compress ?? file.compress ?? 'none';
  const chunk = flags.chunk ?? file.chunk;
  const chunkBytes = chunk === undefined ? DEFAULT_CHUNK_BYTES : parseBytes(chunk);
  if (
    !(chunkBytes >= CHUNK_MIN_BYTES && chunkBytes <= CHUNK_MAX_BYTES) ||
    chunkBytes % CHUNK_MIN_BYTES !== 0
  ) {
    throw new CliError('USAGE', `a chunk of ${chunkBytes} bytes is none: 4KiB to 2MiB, by 4KiB`, {
      hint: 'For example --chunk 64KiB. Smaller ones are quicker to read alone, larger ones pack better.',
    });
  }
  return { ...parseCompression(text), chunkBytes, sameAs: flags.sameAs === true };
}

function parseCompression(text: string): Pick<CompressionChoice, 'method' | 'level' | 'isOptional'> {
  if (text === 'none' || text === 'auto') {
    return { method: text === 'auto' ? 'lz4' : 'none', level: 1, isOptional: true };
  }
  const [, method, levelText] = /^(lz4|zstd)(?::(-?\d+))?$/.exec(text) ?? [];
  if (method !== 'lz4' && method !== 'zstd') {
    throw new CliError('USAGE', `--compress takes none, lz4, zstd or auto, not ${JSON.stringify(text)}`, {
      hint: 'For example --compress lz4, or with a level --compress zstd:3',
    });
  }
  const level = levelText === undefined ? 1 : Number(levelText);
  const { min, max } = LEVELS[method];
  if (level < min || level > max) {
    throw new CliError('USAGE', `${method} has the levels ${min} to ${max}, not ${level}`, {
      hint: `For example --compress ${method}, which is ${method}:1`,
    });
  }
  return { method, level, isOptional: false };
}

/** The choice without what only an opened packer has. */
export function chunkOptions({ method, level, chunkBytes, sameAs }: CompressionChoice): ChunkOptions {
  return {
    chunkBytes,
    ...(method === 'none' ? {} : { compression: { method, level } }),
    ...(sameAs ? { sameAs } : {}),
  };
}
