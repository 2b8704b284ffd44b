import type { Target } from '@stillframe/snapshot';
import { AtomicFile, type FileOps } from './atomic-file.ts';

/** A received image as an image file, frame by frame as it came: compressed as the source compressed it, an increment as an increment. */
export interface StreamFileTarget extends Target {
  /** After the last frame: the temporary file, a whole image that can be read back before `commit`. */
  readonly temporaryPath: string;
}

export function streamFileTarget(path: string, ops?: FileOps): StreamFileTarget {
  let file: AtomicFile | undefined;
  const opened = (): AtomicFile => {
    if (file === undefined) throw new Error('nothing has come yet');
    return file;
  };
  return {
    get temporaryPath() {
      return opened().temporaryPath;
    },
    async allocate() {},
    async writeState() {},
    async writePages() {},
    async writeFrame(frame) {
      file ??= await AtomicFile.create(path, ops);
      await file.append([frame]);
    },
    async commit() {
      await opened().commit();
    },
    async discard() {
      await file?.discard();
    },
  };
}
