import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises';
import type { FileOps } from '../../src/io/file-ops.ts';

/** The calls that a file is made with. `open` is of the file, `openDirectory` and `syncDirectory` of its folder. */
export type FileStep = 'open' | 'writev' | 'sync' | 'rename' | 'openDirectory' | 'syncDirectory';

export class DiskFailure extends Error {
  readonly code = 'EIO';
}

export interface FileTrial {
  readonly ops: FileOps;
  /** Every call, in order. */
  readonly calls: string[];
  /** How many files and folders are open. */
  readonly openCount: () => number;
}

/** What writev(2) takes on Linux; libuv would divide more among several calls, and hide it. */
const IOV_MAX = 1024;

/** The real calls, of which one fails. `shortBytes` bounds what one write takes. */
export function tryOps(options: { fails?: FileStep; shortBytes?: number } = {}): FileTrial {
  const calls: string[] = [];
  let openCount = 0;
  const step = (name: string) => {
    calls.push(name);
    if (name === options.fails) throw new DiskFailure(name);
  };
  const handleOf = (real: FileHandle, isDirectory: boolean): FileHandle =>
    new Proxy(real, {
      get(target, key) {
        if (key === 'writev') {
          return async (iovecs: readonly Uint8Array[]) => {
            step('writev');
            if (iovecs.length > IOV_MAX) throw new DiskFailure('too many buffers');
            return target.writev(shortened(iovecs, options.shortBytes));
          };
        }
        if (key === 'sync') {
          return async () => {
            step(isDirectory ? 'syncDirectory' : 'sync');
            await target.sync();
          };
        }
        if (key === 'close') {
          return async () => {
            openCount -= 1;
            await target.close();
          };
        }
        return Reflect.get(target, key, target) as unknown;
      },
    });
  return {
    calls,
    openCount: () => openCount,
    ops: {
      async open(path, flags, mode) {
        const isDirectory = flags === 'r';
        step(isDirectory ? 'openDirectory' : 'open');
        const handle = handleOf(await open(path, flags, mode), isDirectory);
        openCount += 1;
        return handle;
      },
      async link(existing, added) {
        calls.push('link');
        await link(existing, added);
      },
      async rename(from, to) {
        step('rename');
        await rename(from, to);
      },
      async unlink(path) {
        step('unlink');
        await unlink(path);
      },
    },
  };
}

function shortened(iovecs: readonly Uint8Array[], maxBytes = Number.POSITIVE_INFINITY): Uint8Array[] {
  const taken: Uint8Array[] = [];
  let left = maxBytes;
  for (const bytes of iovecs) {
    if (left <= 0) break;
    taken.push(bytes.subarray(0, Math.min(left, bytes.byteLength)));
    left -= bytes.byteLength;
  }
  return taken;
}
