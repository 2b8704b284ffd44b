import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import native from '#native';
import {
  madvise,
  Mapping,
  memfdCreate,
  mmap,
  PageServer,
  pageSize,
  type WebAssemblyMemory,
} from '../src/index.ts';
import { crc32c, patterned, servingWorker, smaps, toucher } from './serving.ts';

// Node's types know WebAssembly as a namespace of types only.
const {
  Memory,
}: {
  Memory: new (limits: { initial: number; maximum: number; shared?: boolean }) => WebAssemblyMemory;
} = Reflect.get(globalThis, 'WebAssembly');
const directory = mkdtempSync(join(tmpdir(), 'stillframe-serve-'));
afterAll(() => rmSync(directory, { recursive: true }));

const PAGES = 64;

/** A file with that content, in one block for each 16 pages. */
function stored(content: Uint8Array, region = 0) {
  const path = join(directory, `${Math.trunc(performance.now() * 1000)}`);
  writeFileSync(path, content);
  const fd = openSync(path, 'r');
  const blocks = [];
  for (let page = 0; page < content.length / pageSize; page += 16) {
    const bytes = content.subarray(page * pageSize, (page + 16) * pageSize);
    blocks.push({
      fileOffset: page * pageSize,
      sizeBytes: bytes.length,
      crc32c: crc32c(bytes),
      extents: [{ region, firstPage: page, pageCount: bytes.length / pageSize, offsetBytes: 0 }],
    });
  }
  return { fd, path, blocks };
}

describe('memory that lies in a file', () => {
  test('comes when the thread of JavaScript itself touches it', () => {
    using memory = new Mapping({ sizeBytes: PAGES * pageSize });
    const content = patterned(PAGES);
    const { blocks, fd } = stored(content);
    using server = PageServer.open([{ memory }]);
    using filler = server.filler();
    filler.addBlocks(fd, blocks);
    const bytes = new Uint8Array(memory.buffer);
    expect(bytes[17 * pageSize + 5]).toBe(content[17 * pageSize + 5]);
    expect(server.stats()).toMatchObject({ missingPages: PAGES - 16, faultPages: 1, besidePages: 15 });
    expect(server.touched()).toEqual([{ region: 0, firstPage: 17, pageCount: 1 }]);
    expect(Buffer.compare(bytes, content)).toBe(0);
    expect(server.missing()).toEqual([]);
    expect(server.failure).toBeUndefined();
    closeSync(fd);
  });

  test('comes to WebAssembly, and zeros cost no reading', () => {
    const memory = new Memory({ initial: 4, maximum: 8 });
    new Uint8Array(memory.buffer)[3] = 9;
    using server = PageServer.open([{ memory }]);
    using filler = server.filler();
    filler.addBlocks(0, [
      {
        fileOffset: 0,
        sizeBytes: 0,
        crc32c: 0,
        extents: [
          { region: 0, firstPage: 0, pageCount: memory.buffer.byteLength / pageSize, offsetBytes: 'zero' },
        ],
      },
    ]);
    expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true);
    expect(server.stats().missingPages).toBe(0);
  });

  test('is fetched ahead: first what was recorded, then the rest', async () => {
    using memory = new Mapping({ sizeBytes: PAGES * pageSize });
    const content = patterned(PAGES);
    const { blocks, fd } = stored(content);
    using server = PageServer.open([{ memory }], { prefetchBytesPerSecond: 1e9 });
    using filler = server.filler();
    filler.addBlocks(fd, blocks);
    // oxlint-disable-next-line no-await-in-loop -- until the other thread has it
    while (server.stats().missingPages > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(server.stats()).toMatchObject({ prefetchedPages: PAGES, faults: 0 });
    expect(Buffer.compare(new Uint8Array(memory.buffer), content)).toBe(0);
    closeSync(fd);
  });

  test('with damage is asked of the fillers, not believed', async () => {
    const memory = new Memory({ initial: 4, maximum: 4, shared: true });
    const content = patterned(PAGES);
    const { blocks, fd, path } = stored(content);
    const damaged = openSync(path, 'r+');
    writeSync(damaged, Uint8Array.of(~content[20 * pageSize]! & 255), 0, 1, 20 * pageSize);
    closeSync(damaged);
    using server = PageServer.open([{ memory }]);
    using filler = server.filler();
    filler.addBlocks(fd, blocks);
    await using touching = await toucher(memory.buffer, 18);
    await filler.wait(true);
    expect(filler.takeRequests(9)).toEqual([
      { region: 0, firstPage: 18, pageCount: 1, cause: 'fault', isBlockBad: true },
    ]);
    filler.install(0, 18, content.subarray(18 * pageSize, 19 * pageSize));
    expect(await touching.answer).toBe(content[18 * pageSize]);
    closeSync(fd);
  });
});

describe('memory that fillers bring', () => {
  test('comes from another thread while the thread of JavaScript is blocked', async () => {
    using memory = new Mapping({ sizeBytes: PAGES * pageSize });
    using server = PageServer.open([{ memory }]);
    await using worker = await servingWorker(server.id);
    expect(worker.isFilling).toBe(true);
    const bytes = new Uint8Array(memory.buffer);
    expect(bytes[9 * pageSize]).toBe(patterned(PAGES)[9 * pageSize]);
    expect(Buffer.compare(bytes, patterned(PAGES))).toBe(0);
    expect(server.stats()).toMatchObject({ missingPages: 0, faultPages: PAGES, filledPages: PAGES });
  });

  test('is not overwritten by what comes late or twice', () => {
    using memory = new Mapping({ sizeBytes: 4 * pageSize });
    using server = PageServer.open([{ memory }]);
    using filler = server.filler();
    const page = new Uint8Array(pageSize).fill(1);
    expect(filler.install(0, 1, page)).toBe(1);
    expect(filler.install(0, 0, new Uint8Array(4 * pageSize).fill(2))).toBe(3);
    const bytes = new Uint8Array(memory.buffer);
    expect([0, 1, 2, 3].map((at) => bytes[at * pageSize])).toEqual([2, 1, 2, 2]);
    expect(server.stats()).toMatchObject({ filledPages: 4, duplicatePages: 1 });
    expect(() => filler.install(0, 3, new Uint8Array(2 * pageSize))).toThrow(RangeError);
    expect(() => filler.install(1, 0, page)).toThrow(RangeError);
    expect(() => filler.install(0, 0, new Uint8Array(5))).toThrow(RangeError);
  });

  test('that the owner threw away is zeros, and stays so', async () => {
    using memory = new Mapping({ sizeBytes: 8 * pageSize });
    using server = PageServer.open([{ memory }]);
    using filler = server.filler();
    filler.install(0, 0, new Uint8Array(4 * pageSize).fill(5));
    madvise({ address: memory.address, sizeBytes: 6 * pageSize }, 'DONTNEED');
    expect(server.stats()).toMatchObject({ removedPages: 2, missingPages: 2 });
    expect(filler.install(0, 0, new Uint8Array(8 * pageSize).fill(7))).toBe(2);
    const bytes = new Uint8Array(memory.buffer);
    expect(Array.from({ length: 8 }, (_, at) => bytes[at * pageSize])).toEqual([0, 0, 0, 0, 0, 0, 7, 7]);
  });

  test('is asked for once, and ahead only while somebody listens', async () => {
    using memory = new Mapping({ sizeBytes: PAGES * pageSize });
    using server = PageServer.open([{ memory }]);
    using filler = server.filler();
    server.prefetch([{ region: 0, firstPage: 40, pageCount: 3 }], 1e12);
    await filler.wait(true);
    expect(filler.takeRequests(1)).toEqual([
      { region: 0, firstPage: 40, pageCount: 3, cause: 'prefetch', isBlockBad: false },
    ]);
  });
});

describe('the end', () => {
  test('of a server with zeros: memory is plain', () => {
    using memory = new Mapping({ sizeBytes: 4 * pageSize });
    PageServer.open([{ memory }]).close({ missing: 'zero' });
    expect(new Uint8Array(memory.buffer)[pageSize]).toBe(0);
  });
});

describe('copies of a file in memory', () => {
  test('share what nobody has written', () => {
    const fd = memfdCreate('copies', {});
    const sizeBytes = PAGES * pageSize;
    ftruncateSync(fd, sizeBytes);
    const content = patterned(PAGES);
    const { blocks, fd: file } = stored(content);
    const one = new MappedFile(fd, sizeBytes);
    const two = new MappedFile(fd, sizeBytes);
    const server = PageServer.openFiles([{ fd }]);
    const filler = server.filler();
    filler.addBlocks(file, blocks);
    server.addCopy(0, one);
    server.addCopy(0, two);
    expect(Buffer.compare(one.bytes, content)).toBe(0);
    expect(Buffer.compare(two.bytes, content)).toBe(0);
    // All of it is there in both, and none of it is a copy.
    for (const { address } of [one, two]) {
      expect(smaps(address)).toMatchObject({ Rss: sizeBytes / 1024, Anonymous: 0 });
      expect(smaps(address)['Pss']).toBeLessThanOrEqual(sizeBytes / 1024 / 2);
    }
    one.bytes[3 * pageSize] = 255;
    expect(two.bytes[3 * pageSize]).toBe(content[3 * pageSize]);
    expect(smaps(one.address)).toMatchObject({ Anonymous: pageSize / 1024 });
    expect(server.stats()).toMatchObject({ missingPages: 0, faultPages: PAGES / 16 });
    filler.close();
    server.close();
    one.unmap();
    two.unmap();
    closeSync(fd);
    closeSync(file);
  });
});

/** A private copy of a file in memory. */
class MappedFile {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  readonly #owned: native.OwnedMapping;
  readonly #buffer: ArrayBuffer;

  readonly sizeBytes: number;

  constructor(fd: number, sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.address = mmap({ sizeBytes, flags: ['PRIVATE'], fd });
    this.#owned = new native.OwnedMapping(this.address, BigInt(sizeBytes));
    this.#buffer = this.#owned.buffer();
    this.bytes = new Uint8Array(this.#buffer);
  }

  unmap(): void {
    native.detach(this.#buffer);
    this.#owned.unmap();
  }
}
