import { link, open, rename, unlink } from 'node:fs/promises';
import type { OpenFile } from './write-at.ts';

/** The file system calls that a file is made with; injected so that each can be made to fail. */
export interface FileOps {
  open(path: string, flags: string, mode?: number): Promise<OpenedFile>;
  link(existing: string, added: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

/** What of a FileHandle is used. */
export interface OpenedFile extends OpenFile {
  writev(iovecs: readonly Uint8Array[]): Promise<{ readonly bytesWritten: number }>;
  truncate(sizeBytes: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export const realOps: FileOps = { open, link, rename, unlink };
