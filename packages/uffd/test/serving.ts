import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { pageSize } from '../src/index.ts';

/** Pages that are all different, none of them zeros. */
export function patterned(pages: number): Uint8Array {
  const bytes = new Uint8Array(pages * pageSize);
  for (let page = 0; page < pages; page++) {
    bytes.fill((page % 250) + 1, page * pageSize, (page + 1) * pageSize);
    bytes[page * pageSize + 8] = page >> 8;
  }
  return bytes;
}

/** CRC32C, bit by bit. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0x82f6_3b78 : 0);
  }
  return ~crc >>> 0;
}

/** Another thread that fills every page which is asked of it, as `patterned` has it. */
export async function servingWorker(
  serverId: number,
): Promise<AsyncDisposable & { readonly isFilling: boolean }> {
  const worker = new Worker(new URL('workers/fill.mjs', import.meta.url), {
    workerData: { serverId, pageSize },
  });
  const [word]: unknown[] = await once(worker, 'message');
  return {
    isFilling: word === 'ready',
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

export interface Toucher extends AsyncDisposable {
  /** The byte that it read. */
  readonly answer: Promise<number>;
}

/** Another thread that reads the first byte of a page, and sleeps until it is there. */
export async function toucher(memory: ArrayBuffer | SharedArrayBuffer, page: number): Promise<Toucher> {
  const worker = new Worker(new URL('workers/touch.mjs', import.meta.url), {
    workerData: { memory, at: page * pageSize },
  });
  const answer = once(worker, 'message').then(([byte]: unknown[]) => Number(byte));
  return {
    answer,
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

/** Of the mapping that begins at `address`, in KiB. */
export function smaps(address: bigint): Record<string, number> {
  const lines = readFileSync('/proc/self/smaps', 'utf8').split('\n');
  const start = lines.findIndex((line) => line.startsWith(`${address.toString(16)}-`));
  const fields: Record<string, number> = {};
  for (const line of lines.slice(start + 1)) {
    const field = /^(\w+): +(\d+) kB$/.exec(line);
    if (field === null) break;
    fields[field[1]!] = Number(field[2]);
  }
  return fields;
}
