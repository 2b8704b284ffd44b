import { fstatSync, readFileSync, readSync } from 'node:fs';

/** What a child of `--into exec` was given. */
export function inherited() {
  const manifest = JSON.parse(readFileSync(Number(process.env.STILLFRAME_MANIFEST_FD), 'utf8'));
  return manifest;
}

/** The first byte of each page. */
export function firstBytes({ fd, sizeBytes, pageSize }) {
  const page = Buffer.alloc(1);
  return Array.from({ length: sizeBytes / pageSize }, (_, index) => {
    readSync(fd, page, 0, 1, index * pageSize);
    return page[0];
  });
}

/** Blocks of 512 bytes that the memory takes. */
export function blocks({ fd }) {
  return fstatSync(fd).blocks;
}

export function stateText({ fd, sizeBytes }) {
  const bytes = Buffer.alloc(sizeBytes);
  readSync(fd, bytes, 0, sizeBytes, 0);
  return bytes.toString();
}
