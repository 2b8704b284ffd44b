import { type PageCodec, PageStreamEncoder } from '@stillframe/page-stream';
import type { Target } from '@stillframe/snapshot';
import { AtomicFile, type FileOps } from './atomic-file.ts';

export interface ImageFileTarget extends Target {
  /** Writes END: the temporary file, which is returned, is a whole image now and can be read back before `commit`. */
  seal(): Promise<string>;
}

/** A received image as an image file. */
export function imageFileTarget(path: string, options: { codec: PageCodec; ops?: FileOps }): ImageFileTarget {
  let image: { readonly file: AtomicFile; readonly encoder: PageStreamEncoder } | undefined;
  let isSealed = false;
  const opened = (): NonNullable<typeof image> => {
    if (image === undefined) throw new Error('pages came before the regions');
    return image;
  };
  const seal = async (): Promise<string> => {
    const { file, encoder } = opened();
    if (!isSealed) {
      isSealed = true;
      await file.append(encoder.end());
    }
    return file.temporaryPath;
  };
  return {
    async allocate(regions, streamId) {
      const encoder = new PageStreamEncoder({ streamId, codec: options.codec });
      image = { file: await AtomicFile.create(path, options.ops), encoder };
      await image.file.append(encoder.start(regions));
    },
    async writeState(state) {
      const { file, encoder } = opened();
      await file.append(encoder.state(state));
    },
    async writePages(region, runs, bytes) {
      const { file, encoder } = opened();
      await file.append(encoder.encodePages(region, runs, bytes));
    },
    seal,
    async commit() {
      await seal();
      await opened().file.commit();
    },
    async discard() {
      await image?.file.discard();
    },
  };
}
