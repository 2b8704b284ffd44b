import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { pageCodec } from '../src/index.ts';

/** Of the engine; @types/node names the namespace without its classes. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
};

const text = new TextEncoder().encode('123456789');
const CRC = 0xe3069283;

/** `text` in the middle of some memory. */
function placed(memory: ArrayBufferLike): Uint8Array {
  const view = new Uint8Array(memory, 11, text.length);
  view.set(text);
  return view;
}

describe('memory', () => {
  it.each([
    ['an ArrayBuffer', () => new ArrayBuffer(100)],
    ['a SharedArrayBuffer', () => new SharedArrayBuffer(100)],
    ['a WebAssembly.Memory', () => new WebAssembly.Memory({ initial: 1 }).buffer],
    [
      'a resizable ArrayBuffer',
      (): ArrayBuffer => Reflect.construct(ArrayBuffer, [100, { maxByteLength: 200 }]),
    ],
  ])('of %s', (_name, make) => {
    expect(pageCodec.crc32c(placed(make()))).toBe(CRC);
  });

  it('of a small array that the engine keeps inside the object', () => {
    expect(pageCodec.crc32c(Uint8Array.from(text))).toBe(CRC);
  });

  it('that was transferred away counts as empty', () => {
    const view = new Uint8Array(4096).fill(1);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    expect(pageCodec.crc32c(view)).toBe(0);
    expect(pageCodec.findZeroRuns(view, 4096, new Uint32Array(1))).toBe(0);
    expect(pageCodec.digestRun(view, 5, 0, 0, new Uint32Array(2))).toBe(5);
  });

  it('in a worker, which loads the addon for itself and ends', async () => {
    const loader = JSON.stringify(new URL('../load.cjs', import.meta.url).pathname);
    const worker = new Worker(
      `require('node:worker_threads').parentPort.postMessage(require(${loader}).crc32c(Buffer.from('123456789')))`,
      { eval: true },
    );
    const answer = new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    const ended = new Promise((resolve) => {
      worker.once('exit', resolve);
    });
    expect(await answer).toBe(CRC);
    expect(await ended).toBe(0);
  });
});
