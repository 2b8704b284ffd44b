import { closeSync, fstatSync, openSync } from 'node:fs';
import { LazyMemory } from '@stillframe/guests/lazy';
import { memoryGuest } from '@stillframe/guests/memory';
import { none } from '@stillframe/limiter';
import { pageCodec } from '@stillframe/page-codec';
import { restoreImage, takeSnapshot } from '@stillframe/snapshot';
import { openFileSink } from '../../../../apps/migrate/src/io/file-sink.ts';
import { openFileSource } from '../../../../apps/migrate/src/io/file-source.ts';
import { memoryTarget } from '../../../../apps/migrate/src/io/memory-target.ts';
import { DEFAULT_CAPTURE } from '../stream-request.ts';
import type { Addon } from './addon.ts';
import { mapGuest } from './guest-memory.ts';

export interface LazyRequest {
  readonly bytes: number;
  readonly path: string;
}

/** An image of `bytes` of data at `path`, for those below. */
export async function makeImage(addon: Addon, { bytes, path }: LazyRequest): Promise<object> {
  const memory = mapGuest(addon, bytes, 'base');
  await using guest = memoryGuest({ regions: [{ name: 'memory', memory }] });
  const { result } = takeSnapshot({
    guest,
    sink: await openFileSink(path),
    limiter: none(),
    codec: pageCodec,
    capture: DEFAULT_CAPTURE,
    chunks: { index: true },
  });
  return { bytes: (await result).bytes };
}

/** Opens it lazily, and reads one byte in its middle: nothing of it was touched before. */
export async function runLazy(_: Addon, { path }: LazyRequest): Promise<object> {
  const fd = openSync(path, 'r');
  try {
    const startMs = performance.now();
    const files = { files: [{ fd, sizeBytes: fstatSync(fd).size }] };
    await using lazy = await LazyMemory.open(files, { codec: pageCodec });
    const openMs = performance.now() - startMs;
    const view = lazy.views[0]!;
    const touchMs = performance.now();
    const byte = view.at(view.length / 2);
    return { openMs, firstAccessMs: performance.now() - touchMs, byte };
  } finally {
    closeSync(fd);
  }
}

/** All of it into memory, checked. */
export async function runEager(_: Addon, { path }: LazyRequest): Promise<object> {
  const startMs = performance.now();
  await using source = await openFileSource(path);
  await restoreImage({ source, target: memoryTarget(), codec: pageCodec }).result;
  return { ms: performance.now() - startMs };
}
