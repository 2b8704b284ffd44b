import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { machine, lacksUffd } from './kernel.ts';
import { pageSize, Userfaultfd } from '../src/index.ts';
import { Stage } from './stage.ts';

describe('Userfaultfd', () => {
  test.skipIf(lacksUffd())('closing twice does nothing, use after close is a TypeError', () => {
    const uffd = Userfaultfd.open();
    const range = { address: BigInt(pageSize), sizeBytes: pageSize };
    expect(uffd.closed).toBe(false);
    uffd.close();
    uffd.close();
    expect(uffd.closed).toBe(true);
    for (const use of [
      () => uffd.fd,
      () => uffd.handshake(),
      () => uffd.register(range, ['WP']),
      () => uffd.unregister(range),
      () => uffd.wake(range),
      () => uffd.copy(range.address, new Uint8Array(pageSize)),
      () => uffd.zeropage(range),
      () => uffd.continue(range),
      () => uffd.poison(range),
      () => uffd.move(range.address, range),
      () => uffd.writeProtect(range),
      () => uffd.writeUnprotect(range),
      () => uffd.readEvents(),
      () => uffd.waitReadable(0),
      () => uffd.release(),
    ]) {
      expect(use).toThrow(expect.objectContaining({ name: 'TypeError', code: 'UFFD_CLOSED' }));
    }
  });

  test.skipIf(lacksUffd())('release gives the descriptor away, adopt takes it', () => {
    const first = Userfaultfd.open();
    const fd = first.release();
    expect(first.closed).toBe(true);
    first.close();
    using second = Userfaultfd.adopt(fd);
    expect(second.fd).toBe(fd);
    expect(second.readEvents()).toEqual([]);
  });

  test('adopt refuses what is not one', () => {
    expect(() => Userfaultfd.adopt(0)).toThrow(TypeError);
    expect(() => Userfaultfd.adopt(1_000_000)).toThrow('not open');
    expect(() => Userfaultfd.adopt(-1)).toThrow(RangeError);
  });
});

// In children: each of these ends a process or a thread, or waits for garbage collection.
describe('at the end', () => {
  let stage: Stage;
  beforeAll(() => {
    stage = new Stage();
  });
  afterAll(() => {
    stage[Symbol.dispose]();
  });

  const PRELUDE = `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { once } from 'node:events';
    import { Worker, isMainThread, workerData, parentPort } from 'node:worker_threads';
    import { mmap, Mapping, Userfaultfd, pageSize, processVmReadv, wholePages } from '@stillframe/uffd';
    const openUffds = () => readdirSync('/proc/self/fd').filter((fd) => {
      try { return readlinkSync('/proc/self/fd/' + fd) === 'anon_inode:[userfaultfd]'; } catch { return false; }
    }).length;
    const turn = () => new Promise((resolve) => setImmediate(resolve));
  `;

  test.skipIf(lacksUffd())('garbage collection closes it', () => {
    const out = stage.run(`${PRELUDE}
      (() => { for (let i = 0; i < 5; i++) Userfaultfd.open(); })();
      const before = openUffds();
      for (let i = 0; i < 100 && openUffds() > 0; i++) { gc(); await turn(); }
      console.log(before, openUffds());
    `);
    expect(out).toBe('5 0\n');
  });

  test('garbage collection unmaps a mapping, but not under a live view', () => {
    const out = stage.run(`${PRELUDE}
      const mapped = (address) => { try { return processVmReadv(process.pid, new Uint8Array(1), [{ address, sizeBytes: 1 }]) === 1; } catch { return false; } };
      const make = () => { const m = new Mapping({ sizeBytes: 64 * pageSize }); return [m.address, new Uint8Array(m.buffer, 0, 1)]; };
      let [address, view] = make();
      for (let i = 0; i < 20; i++) { gc(); await turn(); }
      view[0] = 1;
      const held = mapped(address);
      view = null;
      for (let i = 0; i < 100 && mapped(address); i++) { gc(); await turn(); }
      console.log(held, mapped(address));
    `);
    expect(out).toBe('true false\n');
  });

  test.skipIf(lacksUffd())('a terminated worker closes its own', () => {
    const out = stage.run(`${PRELUDE}
      if (!isMainThread) {
        globalThis.kept = Userfaultfd.open();
        parentPort.postMessage('open');
        setInterval(() => undefined, 1000);
      } else {
        const worker = new Worker(new URL(import.meta.url));
        await once(worker, 'message');
        const before = openUffds();
        await worker.terminate();
        console.log(before, openUffds());
      }
    `);
    expect(out).toBe('1 0\n');
  });

  const STUCK = `${PRELUDE}
    if (!isMainThread) {
      const bytes = new Uint8Array(workerData);
      parentPort.postMessage('about to fault');
      bytes[bytes.length / 2] = 1;
      parentPort.postMessage('came through');
    } else {
      const shared = new SharedArrayBuffer(64 * pageSize);
      const uffd = Userfaultfd.open({ features: ['WP_UNPOPULATED'] });
      const pages = wholePages(shared);
      uffd.register(pages, ['WP']);
      uffd.writeProtect(pages);
      const worker = new Worker(new URL(import.meta.url), { workerData: shared });
      await once(worker, 'message');
      if (!uffd.waitReadable(5000)) throw new Error('no fault');
  `;

  test.skipIf(lacksUffd('WP_UNPOPULATED'))(
    'process.exit with a worker asleep in a fault does not hang',
    () => {
      expect(stage.run(`${STUCK} console.log('leaving'); process.exit(0); }`)).toBe('leaving\n');
    },
  );

  test.skipIf(lacksUffd('WP_UNPOPULATED'))('an uncaught error does not hang either', () => {
    expect(() => stage.run(`${STUCK} throw new Error('on purpose'); }`)).toThrow(
      expect.objectContaining({ status: 1, signal: null, stderr: expect.stringContaining('on purpose') }),
    );
  });

  test.skipIf(lacksUffd('WP_UNPOPULATED'))('closing lets the worker go', () => {
    const out = stage.run(
      `${STUCK} uffd.close(); const [message] = await once(worker, 'message'); console.log(message); }`,
    );
    expect(out).toBe('came through\n');
  });
});

test('several workers load the addon at once', async () => {
  const url = new URL('workers/load.mjs', import.meta.url);
  const workers = Array.from({ length: 4 }, () => new Worker(url, { execArgv: [] }));
  const answers = await Promise.all(workers.map((worker) => once(worker, 'message')));
  expect(answers.flat()).toEqual(Array.from({ length: 4 }, () => pageSize));
  expect(machine.pageSize).toBe(pageSize);
});
