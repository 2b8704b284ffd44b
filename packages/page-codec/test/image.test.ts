import { PageStreamDecoder, PageStreamEncoder, openImage } from '@stillframe/page-stream';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Packer, pageCodec } from '../src/index.ts';

const PAGE = 4096;

/** Memory of pages of several sorts: zeros, words, noise, and copies of others. */
function memoryOf(sorts: readonly number[]): Uint8Array {
  const memory = new Uint8Array(sorts.length * PAGE);
  for (const [page, sort] of sorts.entries()) {
    const bytes = memory.subarray(page * PAGE, (page + 1) * PAGE);
    if (sort === 0) continue;
    let state = sort < 8 ? sort : page + 1;
    for (let at = 0; at < PAGE; at += sort % 2 === 0 ? 4 : 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      bytes[at] = state >>> 24;
    }
  }
  return memory;
}

async function write(
  memory: Uint8Array,
  method: 'lz4' | 'zstd',
  packer: Packer,
  parent?: ReturnType<typeof openImage>,
) {
  const encoder = new PageStreamEncoder({
    streamId: new Uint8Array(16).fill(parent ? 2 : 1),
    codec: pageCodec,
    chunks: { packer, compression: { method }, sameAs: true, index: true, ...(parent ? { parent } : {}) },
  });
  const parts = [
    ...encoder.start([{ id: 0, name: 'ram', sizeBytes: memory.length, pageSize: PAGE }]),
    ...encoder.state({ kind: 'none', bytes: new Uint8Array() }),
  ];
  const slabs: Promise<void>[] = [];
  for (let at = 0; at < memory.length; at += 32 * PAGE) {
    const bytes = memory.slice(at, at + 32 * PAGE);
    const run = { firstPage: at / PAGE, pageCount: bytes.length / PAGE, kind: 'data' as const };
    const taken = encoder.packPages(0, [run], bytes).then((encoded) => {
      if (!encoded.usesSlab) bytes.fill(0xee);
      parts.push(...encoded.buffers.map((buffer) => buffer.slice()));
      encoded.release();
      return undefined;
    });
    slabs.push(taken);
  }
  await Promise.all(slabs);
  return Buffer.concat([...parts, ...encoder.end()]);
}

function open(stream: Uint8Array, parent?: ReturnType<typeof openImage>) {
  return openImage((offset, length) => stream.subarray(offset, offset + length), {
    sizeBytes: stream.length,
    codec: pageCodec,
    ...(parent ? { parent } : {}),
  });
}

/** Decodes over `memory`, which holds the parent's pages. */
function restore(stream: Uint8Array, memory: Uint8Array, parent?: ReturnType<typeof openImage>): void {
  const earlier = {
    readPages(_region: number, firstPage: number, pages: Uint8Array) {
      pages.set(memory.subarray(firstPage * PAGE, firstPage * PAGE + pages.length));
    },
  };
  const decoder = new PageStreamDecoder({
    from: 'file',
    codec: pageCodec,
    earlier,
    ...(parent ? { parent } : {}),
  });
  for (const frame of decoder.push(stream)) {
    if (frame.type !== 'pages') continue;
    let at = 0;
    for (const { firstPage, pageCount, kind } of frame.runs) {
      const to = memory.subarray(firstPage * PAGE, (firstPage + pageCount) * PAGE);
      to.fill(0);
      if (kind === 'zero') continue;
      to.set(frame.bytes.subarray(at, at + to.length));
      at += to.length;
    }
  }
  decoder.finish();
}

describe('an image that was packed natively', () => {
  it('is restored, and read at random, as it was; so is an increment of it', async () => {
    const packer = new Packer({ threads: 2, buffers: 3 });
    onTestFinished(() => packer.close());
    const sorts = fc.array(fc.nat(12), { minLength: 1, maxLength: 150 });
    const method = fc.constantFrom('lz4' as const, 'zstd' as const);
    await fc.assert(
      fc.asyncProperty(sorts, method, fc.nat(5), async (pages, how, step) => {
        const memory = memoryOf(pages);
        const stream = await write(memory, how, packer);
        const back = new Uint8Array(memory.length).fill(0xaa);
        restore(stream, back);
        expect(Buffer.compare(back, memory)).toBe(0);
        const image = open(stream);
        const read = new Uint8Array(memory.length);
        image.readPages(0, 0, read);
        expect(Buffer.compare(read, memory)).toBe(0);

        for (let at = 5; at < memory.length; at += PAGE * (step + 1)) memory[at] = (memory[at] ?? 0) ^ 0x55;
        const increment = await write(memory, how, packer, image);
        restore(increment, back, image);
        expect(Buffer.compare(back, memory)).toBe(0);
        open(increment, image).readPages(0, 0, read);
        expect(Buffer.compare(read, memory)).toBe(0);
        expect(packer.freeBuffers).toBe(3);
      }),
      { numRuns: 30 },
    );
  });

  it('closes in the middle: the encoder fails, and nothing stays lent', async () => {
    const packer = new Packer({ threads: 1, buffers: 2 });
    const writing = write(memoryOf(Array.from({ length: 320 }, (_, page) => 2 + (page % 9))), 'zstd', packer);
    packer.close();
    await expect(writing).rejects.toMatchObject({ code: 'PACKER_CLOSED' });
  });
});

it.each([0, 1, 2000, PAGE - 1])('two pages differ by a byte (%i)', (at) => {
  const one = memoryOf([3]);
  const other = new Uint8Array(new SharedArrayBuffer(PAGE));
  other.set(one);
  expect(pageCodec.isSame(one, other)).toBe(true);
  other[at]! ^= 1;
  expect(pageCodec.isSame(one, other)).toBe(false);
});
