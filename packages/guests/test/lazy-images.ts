import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ChunkOptions, openImage, PageStreamEncoder, type PageRun } from '@stillframe/page-stream';
import type { ImageFiles } from '../src/lazy/index.ts';

export const PAGE = 4096;
/** Two slabs of it: pages 0 to 255 with content, the others every second one zero. */
export const PAGES = 512;

/** What the sample image has. */
export function content(seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PAGES * PAGE);
  for (let page = 0; page < PAGES; page++) {
    if (page >= 256 && page % 2 === 1) continue;
    bytes.fill(((page * 7 + seed) % 251) + 1, page * PAGE, (page + 1) * PAGE);
    bytes[page * PAGE + 1] = page >> 1;
  }
  return bytes;
}

export interface Sample extends Disposable {
  readonly path: string;
  readonly files: ImageFiles;
}

/** An image of that content, written to a file of its own. */
export function storeSample(memory: Uint8Array<ArrayBuffer>, chunks?: Omit<ChunkOptions, 'parent'>): Sample {
  const encoder = new PageStreamEncoder({
    streamId: new Uint8Array(16).fill(3),
    ...(chunks === undefined ? {} : { chunks }),
  });
  const parts = [
    ...encoder.start([{ id: 0, name: 'ram', sizeBytes: memory.length, pageSize: PAGE }]),
    ...encoder.state({ kind: 'sample@1', bytes: new Uint8Array() }),
  ].map((part) => new Uint8Array(part));
  for (let first = 0; first < PAGES; first += 256) {
    const slab = memory.slice(first * PAGE, (first + 256) * PAGE);
    const runs: PageRun[] = [{ firstPage: first, pageCount: 256, kind: 'data' }];
    parts.push(...encoder.encodePages(0, runs, slab).map((part) => new Uint8Array(part)));
  }
  parts.push(...encoder.end().map((part) => new Uint8Array(part)));
  const directory = mkdtempSync(path.join(tmpdir(), 'stillframe-lazy-'));
  const file = path.join(directory, 'image.sfp');
  writeFileSync(file, Buffer.concat(parts));
  const fd = openSync(file, 'r');
  return {
    path: file,
    files: { files: [{ fd, sizeBytes: statSync(file).size }] },
    [Symbol.dispose]() {
      closeSync(fd);
      rmSync(directory, { recursive: true });
    },
  };
}

/** Where the stored bytes of a page begin in the file. */
export function placeOf(
  { files: { files } }: Sample,
  memory: Uint8Array<ArrayBuffer>,
  page: number,
  file: Uint8Array,
): number {
  const image = openImage((offset, length) => file.subarray(offset, offset + length), {
    sizeBytes: files[0]!.sizeBytes,
  });
  const place = image.locate(0, page);
  const at = Buffer.from(file).indexOf(memory.subarray(page * PAGE, (page + 1) * PAGE), place.frameOffset);
  if (at < 0) throw new Error(`page ${page} does not lie in the file`);
  return at;
}
