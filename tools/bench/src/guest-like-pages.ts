import { createReadStream } from 'node:fs';
import { MIB } from './benchmark.ts';

const PAGE_BYTES = 4096;

/** Program code, tagged pointers and a seventh of noise; no page is all zeros, because those do not get as far as a codec. */
export async function guestLikePages(sizeBytes: number): Promise<Uint8Array> {
  const memory = new Uint8Array(sizeBytes);
  let at = 0;
  for await (const part of createReadStream(process.execPath, { highWaterMark: MIB, end: sizeBytes - 1 })) {
    memory.set(part, at);
    at += part.length;
  }
  while (at < sizeBytes) {
    memory.copyWithin(at, 0, Math.min(at, sizeBytes - at));
    at *= 2;
  }
  const words = new Uint32Array(memory.buffer);
  let state = 1;
  for (let page = 0; page < sizeBytes / PAGE_BYTES; page++) {
    const from = page * (PAGE_BYTES / 4);
    const filled = page % 7 < 3 ? PAGE_BYTES / 4 : 0;
    for (let i = 0; i < filled; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const pointer = i % 2 === 0 ? 0x4000_0001 + ((state >>> 12) & 0xffff0) : 0x7f3a;
      words[from + i] = page % 7 === 0 ? state : pointer;
    }
    words[from] = page | 1;
  }
  return memory;
}
