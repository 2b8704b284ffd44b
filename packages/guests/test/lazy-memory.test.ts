import { EventEmitter, once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  LazyMemory,
  mergeOrders,
  readWorkingSet,
  workingSetPath,
  writeWorkingSet,
} from '../src/lazy/index.ts';
import { content, PAGE, PAGES, placeOf, storeSample } from './lazy-images.ts';
import { buildLazyWorker } from './lazy-worker.ts';

beforeAll(buildLazyWorker);

const kinds = [
  ['whole frames', undefined],
  ['chunks', { chunkBytes: 65_536, index: true }],
  ['chunks without an index', { chunkBytes: 16_384 }],
  ['pages that are the same as others', { chunkBytes: 65_536, sameAs: true, index: true }],
] as const;

describe.each(kinds)('an image of %s', (_, chunks) => {
  test('is there at once, and comes when this very thread touches it', async () => {
    const memory = content();
    using sample = storeSample(memory, chunks);
    await using lazy = await LazyMemory.open(sample.files);
    const view = lazy.views[0]!;
    expect(lazy.server.stats()).toMatchObject({ pages: PAGES, missingPages: PAGES, faults: 0 });
    expect(view[300 * PAGE]).toBe(memory[300 * PAGE]);
    expect(lazy.server.stats().missingPages).toBeGreaterThan(0);
    expect(Buffer.compare(view, memory)).toBe(0);
    const { missingPages, faultPages, besidePages, filledPages } = lazy.server.stats();
    expect(missingPages).toBe(0);
    expect(faultPages).toBeGreaterThan(0);
    expect(besidePages + filledPages).toBeGreaterThan(0);
    expect(lazy.server.failure).toBeUndefined();
  });

  test('is fetched ahead without a touch', async () => {
    const memory = content();
    using sample = storeSample(memory, chunks);
    await using lazy = await LazyMemory.open(sample.files, { prefetchBytesPerSecond: 1e10 });
    // oxlint-disable-next-line no-await-in-loop -- until the other thread has it
    while (lazy.server.stats().missingPages > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(lazy.server.stats().faults).toBe(0);
    expect(Buffer.compare(lazy.views[0]!, memory)).toBe(0);
  });
});

test('a page that is damaged in the image is given up and told; its neighbours in other chunks come', async () => {
  const memory = content();
  using sample = storeSample(memory, { chunkBytes: 65_536, index: true });
  const file = readFileSync(sample.path);
  const at = placeOf(sample, memory, 20, file);
  file[at] = ~file[at]! & 255;
  writeFileSync(sample.path, file);
  const lost: number[] = [];
  const told = new EventEmitter();
  const all = once(told, 'all');
  await using lazy = await LazyMemory.open(sample.files, {
    onLost: ({ firstPage }) => {
      lost.push(firstPage);
      if (firstPage === 31) told.emit('all');
    },
    prefetchBytesPerSecond: 1e10,
  });
  await all;
  // Told first, given up right after.
  // oxlint-disable-next-line no-await-in-loop -- until the other thread has
  while (lazy.server.stats().lostPages < 16) await new Promise((resolve) => setImmediate(resolve));
  expect(lost).toEqual(Array.from({ length: 16 }, (_, page) => 16 + page));
  expect(lazy.server.failure?.code).toBe('SERVE_LOST');
  expect(lazy.server.stats().lostPages).toBe(16);
  expect(lazy.views[0]![40 * PAGE]).toBe(memory[40 * PAGE]);
});

describe('a working set', () => {
  test('is what was touched, in order, and is fetched first the next time', async () => {
    using sample = storeSample(content(), { chunkBytes: 4096, index: true });
    const path = workingSetPath(sample.path);
    {
      await using lazy = await LazyMemory.open(sample.files);
      for (const page of [200, 10, 11]) expect(lazy.views[0]![page * PAGE]).toBeGreaterThan(0);
      writeWorkingSet(path, lazy.image, mergeOrders([], lazy.server.touched()));
    }
    await using lazy = await LazyMemory.open(sample.files);
    expect(readWorkingSet(path, lazy.image)).toEqual([
      { region: 0, firstPage: 200, pageCount: 1 },
      { region: 0, firstPage: 10, pageCount: 2 },
    ]);
  });

  test('is not used when it is damaged, cut short, or of another image', async () => {
    using sample = storeSample(content());
    await using lazy = await LazyMemory.open(sample.files);
    const { image } = lazy;
    const path = workingSetPath(sample.path);
    expect(readWorkingSet(path, image)).toEqual([]);
    writeWorkingSet(path, image, [{ region: 0, firstPage: 1, pageCount: 1 }]);
    const right = readFileSync(path);
    expect(readWorkingSet(path, image)).toHaveLength(1);
    for (let at = 0; at < right.length; at++) {
      const wrong = Buffer.from(right);
      wrong[at] = wrong[at]! ^ 1;
      writeFileSync(path, wrong);
      expect(readWorkingSet(path, image), `byte ${at}`).toEqual([]);
    }
    writeFileSync(path, right.subarray(0, -1));
    expect(readWorkingSet(path, image)).toEqual([]);
    writeWorkingSet(path, { regions: image.regions, streamId: new Uint8Array(16), digest: image.digest }, []);
    expect(readWorkingSet(path, image)).toEqual([]);
    writeWorkingSet(path, image, [{ region: 0, firstPage: PAGES, pageCount: 1 }]);
    expect(readWorkingSet(path, image)).toEqual([]);
  });
});
