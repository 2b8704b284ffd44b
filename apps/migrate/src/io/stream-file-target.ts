import type { Target } from '@stillframe/snapshot';
import type { SealKey } from '@stillframe/sealed-file';
import { AtomicFile } from './atomic-file.ts';
import type { FileOps } from './file-ops.ts';

/** A received image as an image file, frame by frame as it came: compressed as the source compressed it, an increment as an increment. */
export interface StreamFileTarget extends Target {
  /** After the last frame: the temporary file, a whole image that can be read back before `commit`. */
  readonly temporaryPath: string;
  /** After the last frame, and before reading back. `commit` does it, too. */
  complete(): Promise<void>;
}

export function streamFileTarget(
  path: string,
  { ops, key }: { readonly ops?: FileOps | undefined; readonly key?: SealKey | undefined } = {},
): StreamFileTarget {
  let file: AtomicFile | undefined;
  let neededBytes: number | undefined;
  const opened = (): AtomicFile => {
    if (file === undefined) throw new Error('nothing has come yet');
    return file;
  };
  return {
    get temporaryPath() {
      return opened().temporaryPath;
    },
    async allocate(regions) {
      neededBytes = regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    },
    async writeState() {},
    async writePages() {},
    async writeFrame(frame) {
      file ??= await AtomicFile.create(path, { ops, key });
      file.neededBytes = neededBytes;
      await file.append([frame]);
    },
    async complete() {
      await opened().complete();
    },
    async commit() {
      await opened().commit();
    },
    async discard() {
      await file?.discard();
    },
  };
}
