import { describe, expect, test } from 'vitest';
import {
  addressOf,
  Mapping,
  pageSize,
  processVmReadv,
  Userfaultfd,
  type WebAssemblyMemory,
  wholePages,
} from '../src/index.ts';
import { lacksUffd } from './kernel.ts';

interface MemoryLimits {
  initial: number;
  maximum?: number;
  shared?: boolean;
}
// Node's types know WebAssembly as a namespace of types only.
const { Memory }: { Memory: new (limits: MemoryLimits) => WebAssemblyMemory } = Reflect.get(
  globalThis,
  'WebAssembly',
);

/** What is at an address, read as a stranger would. */
function bytesAt(address: bigint, sizeBytes: number): number[] {
  const into = new Uint8Array(sizeBytes);
  processVmReadv(process.pid, into, [{ address, sizeBytes }]);
  return [...into];
}

describe('addressOf', () => {
  const shared = new SharedArrayBuffer(16);
  const wasm = new Memory({ initial: 1 });
  const sharedWasm = new Memory({ initial: 1, maximum: 2, shared: true });
  const plain = new ArrayBuffer(16);

  test.each([
    ['a Uint8Array', new Uint8Array(plain), 16],
    ['an ArrayBuffer', plain, 16],
    ['a Float64Array in the middle', new Float64Array(plain, 8, 1), 8],
    ['a DataView', new DataView(plain, 3, 5), 5],
    ['a Buffer', Buffer.alloc(10), 10],
    ['a SharedArrayBuffer', shared, 16],
    ['a typed array over a SharedArrayBuffer', new Int32Array(shared, 4, 2), 8],
    ['a WebAssembly.Memory', wasm, 65_536],
    ['a shared WebAssembly.Memory', sharedWasm, 65_536],
  ])('%s', (_name, memory, sizeBytes) => {
    const found = addressOf(memory);
    expect(found.sizeBytes).toBe(sizeBytes);
    const buffer = ArrayBuffer.isView(memory) || memory instanceof Memory ? memory.buffer : memory;
    const offset = ArrayBuffer.isView(memory) ? memory.byteOffset : 0;
    const bytes = new Uint8Array(buffer, offset, 4);
    bytes.set([11, 22, 33, 44]);
    expect(bytesAt(found.address, 4)).toEqual([11, 22, 33, 44]);
    bytes.fill(0);
  });

  test('memory that is not there has no address', () => {
    expect(() => addressOf(new Uint8Array(0))).toThrow(expect.objectContaining({ code: 'UFFD_ARGUMENT' }));
    const gone = new ArrayBuffer(8);
    structuredClone(gone, { transfer: [gone] });
    expect(() => addressOf(gone)).toThrow(TypeError);
    for (const other of [undefined, null, 5, 'text', {}, { buffer: 5 }]) {
      // @ts-expect-error not memory
      expect(() => addressOf(other)).toThrow(TypeError);
    }
  });
});

const at = (address: bigint, sizeBytes: number) => ({ address, sizeBytes });

describe('wholePages', () => {
  const page = BigInt(pageSize);

  test.each([
    [at(0x10_0000n, 3 * pageSize), at(0x10_0000n, 3 * pageSize), 0],
    [at(0x10_0001n, 3 * pageSize), at(0x10_0000n + page, 2 * pageSize), pageSize - 1],
    [at(0x10_0000n - 1n, 3 * pageSize), at(0x10_0000n, 2 * pageSize), 1],
    [at(0x10_0000n - 1n, pageSize + 1), at(0x10_0000n, pageSize), 1],
    [at(0x10_0001n, 2 * pageSize - 1), at(0x10_0000n + page, pageSize), pageSize - 1],
  ])('of %o', (memory, inside, offsetBytes) => {
    expect(wholePages(memory)).toEqual({ ...inside, offsetBytes });
  });

  test('any 2 pages less a byte hold one; less than that may not', () => {
    expect(() => wholePages(at(0x10_0001n, 2 * pageSize - 2))).toThrow(
      expect.objectContaining({
        name: 'RangeError',
        message: expect.stringContaining('holds no whole page'),
      }),
    );
    expect(() => wholePages(at(0x10_0000n, pageSize - 1))).toThrow(RangeError);
  });

  test('exact refuses ends inside a page', () => {
    expect(wholePages(at(0x10_0000n, pageSize), { exact: true }).sizeBytes).toBe(pageSize);
    for (const memory of [at(0x10_0001n, 3 * pageSize), at(0x10_0000n, 3 * pageSize + 1)]) {
      expect(() => wholePages(memory, { exact: true })).toThrow('not made of whole pages');
    }
  });

  test('pages of another size', () => {
    const size = 2 ** 21;
    expect(wholePages(at(1n, 2 * size), { pageSize: size })).toEqual({
      address: BigInt(size),
      sizeBytes: size,
      offsetBytes: size - 1,
    });
    expect(() => wholePages(at(1n, size), { pageSize: size })).toThrow(RangeError);
    for (const wrong of [0, 3 * pageSize, pageSize / 2, pageSize + 0.5, 2 ** 35]) {
      expect(() => wholePages(at(0n, size), { pageSize: wrong })).toThrow(RangeError);
    }
  });

  test.skipIf(lacksUffd('PAGEFAULT_FLAG_WP'))('what it finds in JavaScript memory can be watched', () => {
    const memories = [
      new ArrayBuffer(8 * pageSize),
      new SharedArrayBuffer(8 * pageSize),
      new Memory({ initial: 2 }),
      new Memory({ initial: 2, maximum: 2, shared: true }),
      new Mapping({ sizeBytes: pageSize }),
    ];
    using uffd = Userfaultfd.open();
    for (const memory of memories)
      expect(uffd.register(wholePages(memory), ['WP'])).toContain('WRITEPROTECT');
  });
});
