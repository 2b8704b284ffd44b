import { closeSync, openSync, statSync } from 'node:fs';
import type { ImageFiles } from '@stillframe/guests/lazy';
import { openChain, type ParentChoice } from '../chain/image-chain.ts';
import { CliError } from '../cli-error.ts';

export interface OpenImageFiles extends ImageFiles, Disposable {}

/** The image and what it builds on, as descriptors for a thread that reads pages later. Throws as `openChain`. */
export async function openImageFiles(path: string, choice: ParentChoice): Promise<OpenImageFiles> {
  const paths: string[] = [];
  {
    await using chain = await openChain(path, choice);
    for (const link of chain.links) {
      if (statSync(link.path).size !== link.source.sizeBytes) {
        throw new CliError('REFUSED', `${link.path} is sealed: its pages cannot be read one by one here`, {
          hint: 'Restore it without --lazy, or make a plain copy that is as well kept: `migrate flatten` with --out-plain.',
        });
      }
      paths.push(link.path);
    }
  }
  const files: { fd: number; sizeBytes: number }[] = [];
  for (const each of paths) files.push({ fd: openSync(each, 'r'), sizeBytes: statSync(each).size });
  return {
    files,
    [Symbol.dispose]() {
      for (const { fd } of files) closeSync(fd);
    },
  };
}
