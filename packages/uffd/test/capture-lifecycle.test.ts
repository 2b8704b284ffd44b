import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacksUffd } from './kernel.ts';
import { Stage } from './stage.ts';

// In children: each of these ends a process or a thread, or waits for garbage collection. A hang is ended, and so a failure.
describe.skipIf(lacksUffd('WP_UNPOPULATED'))('a capture in the middle', () => {
  let stage: Stage;
  beforeAll(() => {
    stage = new Stage();
  });
  afterAll(() => {
    stage[Symbol.dispose]();
  });

  const PRELUDE = `
    import { once } from 'node:events';
    import { Worker, isMainThread, workerData, parentPort } from 'node:worker_threads';
    import { CaptureEngine, pageSize } from '@stillframe/uffd';
    const SIZE = 64 * pageSize;
    const shared = () => new SharedArrayBuffer(SIZE, { maxByteLength: SIZE });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    /** Writes every page: hangs when one is armed and nobody serves it. */
    const writeAll = (memory) => { const bytes = new Uint8Array(memory); for (let at = 0; at < SIZE; at += pageSize) bytes[at]++; return 'written'; };
    const options = { preImagesMaxBytes: 4 * pageSize, overflow: 'stall' };
  `;

  test('is closed by garbage collection, and its memory is free again', () => {
    const out = stage.run(`${PRELUDE}
      const memory = shared();
      (() => { const engine = CaptureEngine.open([{ memory }], options); engine.arm(); engine.grant(3); })();
      const busy = () => { try { CaptureEngine.open([{ memory }], options).close(); return false; } catch (error) { return error.code === 'UFFD_EBUSY'; } };
      const before = busy();
      // In a turn of its own: what a turn has looked at through a WeakRef stays alive until its end.
      for (let i = 0; i < 200 && busy(); i++) { await turn(); gc(); await turn(); }
      console.log(before, busy(), writeAll(memory));
    `);
    expect(out).toBe('true false written\n');
  });

  test('keeps the memory alive that nobody else refers to', () => {
    const out = stage.run(`${PRELUDE}
      const engine = (() => CaptureEngine.open([{ memory: shared() }], options))();
      engine.arm();
      for (let i = 0; i < 20; i++) { gc(); await turn(); }
      engine.grant(64);
      let pages = 0;
      while (pages < 64) {
        for (const slab of engine.pull(8)) { pages += slab.runs.reduce((sum, run) => sum + run.pageCount, 0); slab.release(); }
        if (pages < 64) await engine.wait();
      }
      engine.close();
      console.log(pages);
    `);
    expect(out).toBe('64\n');
  });

  test('does not keep the process alive', () => {
    const out = stage.run(`${PRELUDE}
      globalThis.engine = CaptureEngine.open([{ memory: shared() }], options);
      engine.arm();
      console.log('end of the script');
    `);
    expect(out).toBe('end of the script\n');
  });

  test('is closed when its worker is terminated', () => {
    const out = stage.run(`${PRELUDE}
      if (!isMainThread) {
        globalThis.engine = CaptureEngine.open([{ memory: workerData }], options);
        engine.arm();
        parentPort.postMessage('armed');
        setInterval(() => undefined, 1000);
      } else {
        const memory = shared();
        const worker = new Worker(new URL(import.meta.url), { workerData: memory });
        await once(worker, 'message');
        await worker.terminate();
        console.log(writeAll(memory));
        CaptureEngine.open([{ memory }], options).close();
      }
    `);
    expect(out).toBe('written\n');
  });

  const WRITER = `${PRELUDE}
    if (!isMainThread) {
      parentPort.postMessage('about to write');
      parentPort.postMessage(writeAll(workerData));
    } else {
      const memory = shared();
      const engine = CaptureEngine.open([{ memory }], options);
      engine.arm();
      const worker = new Worker(new URL(import.meta.url), { workerData: memory });
      await once(worker, 'message');
      // The store has room for four pages and nobody drains it: the writer sleeps from the fifth on.
      while (engine.stats().faults < 5) await turn();
  `;

  test('lets its writers go when it is closed', () => {
    const out = stage.run(`${WRITER} engine.close(); console.log((await once(worker, 'message'))[0]); }`);
    expect(out).toBe('written\n');
  });

  test('does not hang process.exit while a writer sleeps', () => {
    expect(stage.run(`${WRITER} console.log('leaving'); process.exit(0); }`)).toBe('leaving\n');
  });

  test('does not hang an uncaught error while a writer sleeps', () => {
    expect(() => stage.run(`${WRITER} throw new Error('on purpose'); }`)).toThrow(
      expect.objectContaining({ status: 1, signal: null, stderr: expect.stringContaining('on purpose') }),
    );
  });

  test('ends with its process by SIGKILL', () => {
    expect(() => stage.run(`${WRITER} process.kill(process.pid, 'SIGKILL'); }`)).toThrow(
      expect.objectContaining({ signal: 'SIGKILL' }),
    );
  });

  test('fails, and the process does not, when a worker dies with memory that only an address names', () => {
    const out = stage.run(`${PRELUDE}
      import { addressOf } from '@stillframe/uffd';
      if (!isMainThread) {
        globalThis.memory = new ArrayBuffer(SIZE, { maxByteLength: SIZE });
        new Uint8Array(memory).fill(1);
        const { address } = addressOf(memory);
        parentPort.postMessage(address);
        setInterval(() => undefined, 1000);
      } else {
        const worker = new Worker(new URL(import.meta.url));
        const [address] = await once(worker, 'message');
        const engine = CaptureEngine.open([{ memory: { address, sizeBytes: SIZE } }], options);
        engine.arm();
        await worker.terminate();
        engine.grant(64);
        let code;
        for (let i = 0; code === undefined && i < 1000; i++) {
          await engine.wait();
          try { for (const slab of engine.pull(8)) slab.release(); } catch (error) { code = error.code; }
        }
        engine.close();
        console.log(code === 'CAPTURE_GUEST_DISCARDED' || code === 'CAPTURE_READ_FAILED' ? 'failed' : code);
      }
    `);
    expect(out).toBe('failed\n');
  });
});
