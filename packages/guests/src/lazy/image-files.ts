import { readSync } from 'node:fs';
import { openImage, type PageCodec, type StoredImage } from '@stillframe/page-stream';

/** A stored image, and the images that it builds on, as files that are open. */
export interface ImageFiles {
  /** The image that is complete in itself first. The descriptors stay the caller's, open as long as pages may be asked for. */
  readonly files: readonly { readonly fd: number; readonly sizeBytes: number }[];
}

/** Random access to the last image, through those below it. @throws PageStreamError as `openImage`. */
export function openFiles({ files }: ImageFiles, codec: PageCodec): StoredImage {
  let image: StoredImage | undefined;
  for (const { fd, sizeBytes } of files) {
    const readAt = (offset: number, length: number) => readAll(fd, offset, length);
    image = openImage(readAt, { sizeBytes, codec, ...(image === undefined ? {} : { parent: image }) });
  }
  if (image === undefined) throw new RangeError('no image file was given');
  return image;
}

function readAll(fd: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(fd, bytes, filled, length - filled, offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
