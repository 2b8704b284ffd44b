import { execFileSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import {
  CHUNK_WORDS,
  chunkKinds,
  chunkWord,
  packMethods,
  pureCodec,
  unpackLz4,
} from '@stillframe/page-stream';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type PackedSlab, Packer, type PackerOptions, type PackRequest, pageCodec } from '../src/index.ts';

const CHUNK_BYTES = 65_536;

/** Pages like a heap: words that repeat now and then. Chunk `random` of them is random. */
function slab(chunks: number, seed: number, random = -1): Uint8Array {
  const bytes = new Uint8Array(chunks * CHUNK_BYTES);
  let state = seed;
  for (let at = 0; at < bytes.length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const isRandom = Math.floor(at / CHUNK_BYTES) === random;
    bytes[at] = state >>> 24;
    if (isRandom) bytes.set([state >>> 16, state >>> 8, state >>> 3], at + 1);
  }
  return bytes;
}

function request(pages: Uint8Array, method: 'none' | 'lz4' | 'zstd', base?: Uint8Array): PackRequest {
  const chunks = new Uint32Array((pages.length / CHUNK_BYTES) * CHUNK_WORDS);
  for (let index = 0; index < chunks.length / CHUNK_WORDS; index++) {
    const words = [index * CHUNK_BYTES, CHUNK_BYTES, index * 16, 0, packMethods.indexOf(method)];
    chunks.set(words, index * CHUNK_WORDS);
  }
  return { region: 1, pages, base, chunks, level: 1, minSaving: 128 };
}

/** What the packer says of each chunk. */
function answers({ chunks }: PackedSlab) {
  return Array.from({ length: chunks.length / CHUNK_WORDS }, (_, index) => {
    const words = chunks.subarray(index * CHUNK_WORDS);
    return {
      kind: chunkKinds[words[chunkWord.kind]!],
      storedBytes: words[chunkWord.storedBytes]!,
      storedCrc: words[chunkWord.storedCrc]!,
      storedAt: words[chunkWord.storedAt]!,
    };
  });
}

function open(options?: PackerOptions): Packer {
  const packer = new Packer(options);
  onTestFinished(() => packer.close());
  return packer;
}

/** A script that has eight jobs under way, and says of each that it is done. */
const busy = `
  const { Packer } = require(${JSON.stringify(fileURLToPath(new URL('../load.cjs', import.meta.url)))});
  const packer = new Packer(2, () => process.stdout.write('done '));
  const pages = new Uint8Array(1 << 20).map((_, i) => (i * i) >> 7);
  const table = Uint32Array.from({ length: 9 * 16 }, (_, i) => [(i / 9) << 16, 1 << 16, 0, 0, 2][i % 9] ?? 0);
  for (let i = 0; i < 8; i++) packer.submit(i, pages, undefined, new Uint8Array(1 << 20), table.slice(), 0, 3, 128);
`;

const unpackers = {
  data: (stored: Uint8Array, pages: Uint8Array) => (pages.set(stored), true),
  lz4: (stored: Uint8Array, pages: Uint8Array) => pageCodec.unpackLz4(stored, pages),
  zstd: (stored: Uint8Array, pages: Uint8Array) => pageCodec.unpackZstd(stored, pages),
};

describe('a slab', () => {
  it.each(['lz4', 'zstd'] as const)(
    'packed by %s unpacks to what it was, with its CRCs and its digest',
    async (method) => {
      const packer = open({ threads: 2 });
      const pages = slab(8, 1, 5);
      const packed = await packer.pack(request(pages, method));
      expect(packed.isSlab).toBe(false);
      const digest = new Uint32Array(2);
      pureCodec.digestRun(pages, 0, 1, 0, digest);
      expect(packed.digest).toEqual(digest);
      expect(answers(packed).map(({ kind }) => kind)).toEqual(
        Array.from({ length: 8 }, (_, i) => (i === 5 ? 'data' : method)),
      );
      for (const [index, { storedAt, storedBytes, storedCrc }] of answers(packed).entries()) {
        const stored = packed.bytes.subarray(storedAt, storedAt + storedBytes);
        expect(pureCodec.crc32c(stored)).toBe(storedCrc);
        const padding = packed.bytes.subarray(
          storedAt + storedBytes,
          Math.ceil((storedAt + storedBytes) / 8) * 8,
        );
        expect(padding.every((byte) => byte === 0)).toBe(true);
        const back = new Uint8Array(CHUNK_BYTES);
        expect(unpackers[index === 5 ? 'data' : method](stored, back)).toBe(true);
        expect(Buffer.compare(back, pages.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES))).toBe(0);
      }
      const { storedAt = 0, storedBytes = 0 } = answers(packed).at(-1) ?? {};
      const end = storedAt + Math.ceil(storedBytes / 8) * 8;
      expect(packed.storedCrc).toBe(pureCodec.crc32c(packed.bytes.subarray(0, end)));
      expect(packer.freeBuffers).toBe(5);
      packed.release();
      packed.release();
      expect(packer.freeBuffers).toBe(6);
    },
  );

  it('that does not shrink stays where it is, and needs no buffer', async () => {
    const packer = open({ threads: 1 });
    const pages = slab(1, 1, 0);
    const packed = await packer.pack(request(pages, 'lz4'));
    expect(packed.isSlab).toBe(true);
    expect(answers(packed)).toMatchObject([{ kind: 'data', storedAt: 0, storedBytes: CHUNK_BYTES }]);
    expect(packed.bytes).toBe(pages);
    expect(packed.storedCrc).toBe(pureCodec.crc32c(pages));
    expect(packer.freeBuffers).toBe(5);
  });

  it('that hardly differs from its parent is packed as a delta', async () => {
    const packer = open({ threads: 1 });
    const base = slab(2, 1, 0);
    const pages = base.slice();
    pages[9] = (pages[9] ?? 0) ^ 1;
    const packed = await packer.pack(request(pages, 'lz4', base));
    expect(answers(packed).map(({ kind }) => kind)).toEqual(['delta-lz4', 'delta-lz4']);
    const { storedAt = 0, storedBytes = 0 } = answers(packed)[0] ?? {};
    const delta = new Uint8Array(CHUNK_BYTES);
    expect(unpackLz4(packed.bytes.subarray(storedAt, storedAt + storedBytes), delta)).toBe(true);
    expect(delta.findIndex((byte) => byte !== 0)).toBe(9);
    packed.release();
  });
});

describe('the native unpackers', () => {
  it('agree with the one in TypeScript on what is right, and take nothing that it refuses but matches of distance 0', async () => {
    const packer = open({ threads: 1 });
    const pages = slab(1, 3);
    const packed = await packer.pack(request(pages, 'lz4'));
    const block = packed.bytes.slice(0, answers(packed)[0]?.storedBytes);
    const damage = fc.array(fc.tuple(fc.nat(block.length - 1), fc.nat(255)), { maxLength: 3 });
    let accepted = 0;
    fc.assert(
      fc.property(damage, fc.nat(3), (changes, cut) => {
        const damaged = block.slice(0, block.length - (cut === 3 ? 1 : 0));
        for (const [at, byte] of changes) if (at < damaged.length) damaged[at] = byte;
        const native = new Uint8Array(CHUNK_BYTES);
        const pure = new Uint8Array(CHUNK_BYTES);
        const isRight = unpackLz4(damaged, pure);
        const isTaken = pageCodec.unpackLz4(damaged, native);
        accepted += Number(isRight);
        expect(!isRight || (isTaken && Buffer.compare(native, pure) === 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it('refuse arguments that are none', () => {
    // @ts-expect-error -- what JavaScript may pass all the same
    expect(() => pageCodec.unpackLz4('x', new Uint8Array(1))).toThrow(TypeError);
    // @ts-expect-error -- what JavaScript may pass all the same
    expect(() => pageCodec.unpackZstd(new Uint8Array(1))).toThrow(TypeError);
    expect(() => pageCodec.hashPages(new Uint8Array(4096), 4096, 1, 1, new Uint32Array(3))).toThrow(
      RangeError,
    );
    expect(() => pageCodec.hashPages(new Uint8Array(4097), 4096, 1, 1, new Uint32Array(8))).toThrow(
      RangeError,
    );
    expect(pageCodec.unpackZstd(new Uint8Array(3), new Uint8Array(4096))).toBe(false);
  });
});

describe('a packer under load', () => {
  it('waits for a buffer in the order of the calls, and never has more in use than it has', async () => {
    const packer = open({ threads: 2, buffers: 2 });
    const pages = slab(2, 1);
    const order: number[] = [];
    let lent = 0;
    const all = Array.from({ length: 12 }, async (_, index) => {
      const packed = await packer.pack(request(pages, 'lz4'));
      lent++;
      expect(lent).toBeLessThanOrEqual(2);
      order.push(index);
      await turn();
      lent--;
      packed.release();
    });
    await Promise.all(all);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index));
    expect(packer.freeBuffers).toBe(2);
  });

  it('closed midway rejects what is under way and what waits, and touches nothing any more', async () => {
    const packer = open({ threads: 2, buffers: 3 });
    const slabs = Array.from({ length: 8 }, (_, index) => slab(8, index));
    const outcomes = Promise.allSettled(slabs.map((pages) => packer.pack(request(pages, 'zstd'))));
    await turn();
    packer.close();
    packer.close();
    for (const pages of slabs) pages.fill(0);
    const settled = await outcomes;
    const errors = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect(errors.length).toBeGreaterThan(4);
    for (const error of errors) expect(error).toMatchObject({ name: 'PackerError', code: 'PACKER_CLOSED' });
    await expect(packer.pack(request(slab(1, 1), 'lz4'))).rejects.toMatchObject({ code: 'PACKER_CLOSED' });
  });

  it('goes with a worker thread that ends in the middle of its jobs', async () => {
    const worker = new Worker(`${busy} require('node:worker_threads').parentPort.postMessage('busy');`, {
      eval: true,
    });
    await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(await worker.terminate()).toBe(1);
  });

  it('keeps a process until its jobs are done, and no longer', () => {
    expect(execFileSync(process.execPath, ['-e', busy], { encoding: 'utf8' })).toBe('done '.repeat(8));
  });

  it('does not keep a process that exits', () => {
    expect(execFileSync(process.execPath, ['-e', `${busy} process.exit(0);`], { encoding: 'utf8' })).toBe('');
  });
});

describe('a mistake', () => {
  it.each([
    ['threads', { threads: 0 }],
    ['threads', { threads: 65 }],
    ['threads', { threads: 1.5 }],
    ['buffers', { buffers: 0 }],
    ['buffers', { buffers: 1025 }],
  ])('in %s is a RangeError', (_name, options) => {
    expect(() => new Packer(options)).toThrow(RangeError);
  });

  it.each([
    ['beyond the slab', 'at', CHUNK_BYTES],
    ['that is no unit', 'sizeBytes', 100],
    ['that is empty', 'sizeBytes', 0],
    ['with an unknown method', 'method', 3],
  ] as const)('of a chunk %s is a RangeError, and its buffer is free again', async (_name, word, value) => {
    const packer = open({ threads: 1 });
    const wrong = request(slab(1, 1), 'lz4');
    wrong.chunks[chunkWord[word]] = value;
    await expect(packer.pack(wrong)).rejects.toBeInstanceOf(RangeError);
    expect(packer.freeBuffers).toBe(5);
  });
});
