import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises';

/** The file system calls that a file is made with; injected so that each can be made to fail. */
export interface FileOps {
  open(path: string, flags: string, mode?: number): Promise<OpenedFile>;
  link(existing: string, added: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

/** What of a FileHandle is used. */
export type OpenedFile = Pick<FileHandle, 'fd' | 'writev' | 'write' | 'truncate' | 'sync' | 'close'>;

export const realOps: FileOps = { open, link, rename, unlink };
