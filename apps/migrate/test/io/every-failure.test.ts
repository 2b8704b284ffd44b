import path from 'node:path';
import { parseLimiter } from '@stillframe/limiter';
import { pageCodec } from '@stillframe/page-codec';
import { SealKey } from '@stillframe/sealed-file';
import { monotonicClock, restoreImage, sourceOf, takeSnapshot } from '@stillframe/snapshot';
import { SimulatedGuest } from '@stillframe/snapshot/simulated';
import { describe, expect, test } from 'vitest';
import { openChain } from '../../src/chain/image-chain.ts';
import { flattenImage } from '../../src/flatten-image.ts';
import { DirectoryTarget } from '../../src/io/directory-target.ts';
import { openFileSink } from '../../src/io/file-sink.ts';
import { streamFileTarget } from '../../src/io/stream-file-target.ts';
import { salvageInto } from '../../src/salvage-into.ts';
import { openDamaged } from '../../src/salvage-pages.ts';
import { makeFolder } from '../e2e/folder.ts';
import { smallImage } from '../e2e/hostile-peers.ts';
import { encodeChunked, type Memory, PAGE } from '../read-side/chain-files.ts';
import { fileOf, flipped } from '../read-side/image-files.ts';
import { expectNothingLeft, someRooms } from './every-failure.ts';
import type { MemoryDisk } from './memory-disk.ts';

const key = SealKey.fromKeyFile(Uint8Array.from({ length: 32 }, (_, index) => index * 5));
const { signal } = new AbortController();

/** Text, so that it compresses; a few zero pages. */
const memory: Memory = {
  heap: new Uint8Array(8 * PAGE).fill(0x41, PAGE, 5 * PAGE),
  stack: new Uint8Array(PAGE).fill(0x42),
};
const compressed = await encodeChunked(memory, { method: 'lz4' });

const kinds = [
  { kind: 'plain', bytes: smallImage(), seal: undefined },
  { kind: 'compressed', bytes: compressed, seal: undefined },
  { kind: 'sealed', bytes: compressed, seal: key },
];

describe.each(kinds)('$kind', ({ bytes, seal }) => {
  test('a file sink: any call fails, and the disk is full at any byte', async () => {
    const image = path.join(await makeFolder(), 'image.sfp');
    const make = async (ops: MemoryDisk) => {
      const sink = await openFileSink(image, { ops, key: seal, neededBytes: 1 << 20 });
      try {
        for (let at = 0; at < bytes.length; at += 1000) {
          // oxlint-disable-next-line no-await-in-loop -- in order
          await sink.write([bytes.subarray(at, at + 1), bytes.subarray(at + 1, at + 1000)]);
        }
        await sink.end();
      } catch (error) {
        await sink.abort(error);
        throw error;
      }
    };
    expect(await expectNothingLeft({ path: image, make })).toBeGreaterThan(500);
  });

  test('the file of a destination', async () => {
    const image = path.join(await makeFolder(), 'image.sfp');
    const make = (ops: MemoryDisk) => {
      const target = streamFileTarget(image, { ops, key: seal });
      return restoreImage({ source: sourceOf([bytes]), target, codec: pageCodec }).result;
    };
    expect(await expectNothingLeft({ path: image, make, roomsTried: someRooms })).toBeGreaterThan(100);
  });

  test('a flattened image', async () => {
    const folder = await makeFolder();
    const image = path.join(folder, 'flat.sfp');
    await using chain = await openChain(await fileOf(folder, 'image.sfp', bytes));
    const options = { out: image, key: seal, chunks: { index: true }, signal, onPages: () => undefined };
    const make = (ops: MemoryDisk) => flattenImage(chain.links, { ...options, ops });
    expect(await expectNothingLeft({ path: image, make, roomsTried: someRooms })).toBeGreaterThan(100);
  });

  test('a salvaged image', async () => {
    const folder = await makeFolder();
    const image = path.join(folder, 'rest.sfp');
    const source = await fileOf(folder, 'image.sfp', bytes);
    const make = async (ops: MemoryDisk) => {
      await using damaged = await openDamaged(source, {});
      return await salvageInto(image, { path: source, image: damaged }, { ops, key: seal, signal });
    };
    expect(await expectNothingLeft({ path: image, make, roomsTried: someRooms })).toBeGreaterThan(100);
  });

  test('a guest that is pictured goes on', async () => {
    const image = path.join(await makeFolder(), 'image.sfp');
    const regions = [{ name: 'memory', pageCount: 2, pageSize: PAGE }];
    const make = async (ops: MemoryDisk) => {
      await using guest = new SimulatedGuest({ clock: monotonicClock, regions });
      const sink = await openFileSink(image, { ops, key: seal });
      const run = takeSnapshot({
        guest,
        sink,
        limiter: parseLimiter('none'),
        capture: { preImagesMaxBytes: 2 ** 20, overflow: 'stall' },
        codec: pageCodec,
      });
      try {
        await run.result;
      } finally {
        expect(guest.isPaused).toBe(false);
        await guest.write(0, 1, Uint8Array.of(1));
      }
    };
    expect(await expectNothingLeft({ path: image, make, roomsTried: fewRooms })).toBeGreaterThan(50);
  });
});

function* fewRooms(writtenBytes: number): Generator<number> {
  for (let room = 0; room < writtenBytes; room += 211) yield room;
}

test('a salvaged image of which pages are lost, and the report of it', async () => {
  const folder = await makeFolder();
  const image = path.join(folder, 'rest.sfp');
  const source = await fileOf(folder, 'image.sfp', flipped(compressed, compressed.length >> 1));
  const make = async (ops: MemoryDisk) => {
    await using damaged = await openDamaged(source, {});
    return await salvageInto(image, { path: source, image: damaged }, { ops, signal });
  };
  expect(await expectNothingLeft({ path: image, make, roomsTried: someRooms })).toBeGreaterThan(100);
});

test('a restored directory', async () => {
  const directory = path.join(await makeFolder(), 'restored');
  const make = async (ops: MemoryDisk) => {
    const target = new DirectoryTarget(directory, ops);
    await restoreImage({ source: sourceOf([compressed]), target, codec: pageCodec }).result;
  };
  const failures = await expectNothingLeft({
    path: directory,
    make,
    replaces: false,
    roomsTried: someRooms,
  });
  expect(failures).toBeGreaterThan(100);
});
