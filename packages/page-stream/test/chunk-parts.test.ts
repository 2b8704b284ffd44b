import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendCrc } from '../src/append-crc.ts';
import { CompressionTrial } from '../src/compression-trial.ts';
import { crc32c } from '../src/crc32c.ts';
import { hashPages } from '../src/hash-pages.ts';
import { PageMap } from '../src/page-map.ts';
import { pureCodec } from '../src/pure-codec.ts';
import { PageTwins } from '../src/page-twins.ts';
import { Recent } from '../src/recent.ts';
import { Turns } from '../src/turns.ts';
import { concat } from './raw-frames.ts';
import { page, streamId } from './sample-streams.ts';

describe('appendCrc', () => {
  it('is the CRC of both, one after the other', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 70_000, size: 'max' }),
        (a, b) => {
          expect(appendCrc(crc32c(a), crc32c(b), b.length)).toBe(crc32c(concat([a, b])));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a compression trial', () => {
  it('gives up after 8 failures in a row, for longer each time, and tries again now and then', () => {
    const trial = new CompressionTrial();
    const tried: number[] = [];
    for (let chunk = 0; chunk < 1200; chunk++) {
      if (!trial.tryNext()) continue;
      tried.push(chunk);
      trial.saw(false);
    }
    const gaps = tried.slice(1).map((chunk, index) => chunk - tried[index]!);
    expect(gaps).toEqual([1, 1, 1, 1, 1, 1, 1, 9, 17, 33, 65, 129, 257, 257, 257]);
  });

  it('tries one chunk after a pause, and no other before its result is there', () => {
    const trial = new CompressionTrial();
    const tries = (count: number) => Array.from({ length: count }, () => trial.tryNext());
    expect(tries(12)).toEqual(Array(12).fill(true));
    for (let i = 0; i < 8; i++) trial.saw(false);
    expect(tries(12)).toEqual([...Array(8).fill(false), true, false, false, false]);
    // Those that were under way when the pause began.
    for (let i = 0; i < 4; i++) trial.saw(false);
    expect(tries(2)).toEqual([false, false]);
    trial.saw(false);
    expect(tries(18)).toEqual([...Array(16).fill(false), true, false]);
    trial.saw(true);
    expect(tries(3)).toEqual([true, true, true]);
  });

  it('goes on as if nothing had been after one success', () => {
    const trial = new CompressionTrial();
    for (let i = 0; i < 7; i++) trial.saw(false);
    trial.saw(true);
    for (let i = 0; i < 7; i++) trial.saw(false);
    expect(trial.tryNext()).toBe(true);
    trial.saw(false);
    expect(trial.tryNext()).toBe(false);
    // A chunk that was still under way did shrink.
    trial.saw(true);
    expect(trial.tryNext()).toBe(true);
  });
});

function always(): number {
  return 4096;
}

/** A page for each byte, full of it. */
function slab(bytes: readonly number[]): Uint8Array {
  return concat(bytes.map((byte) => page(byte)));
}

describe('page twins', () => {
  it('are found from the next slab on, as long as they lie side by side', () => {
    const twins = new PageTwins(pureCodec, streamId, 1024);
    const first = Array.from({ length: 32 }, (_, index) => index + 1);
    twins.begin(slab(first), 4096);
    expect(twins.find(0, 32, always)).toBeUndefined();
    for (const index of first.keys()) twins.stored(index, 3, 100 + index);
    twins.begin(slab([5, 6, 7, 1, 99]), 4096);
    expect(twins.find(0, 5, always)).toEqual({ sourceRegion: 3, sourcePage: 104, pageCount: 3 });
    expect(twins.find(0, 2, always)).toEqual({ sourceRegion: 3, sourcePage: 104, pageCount: 2 });
    // Two jumps for 37 pages.
    expect(twins.find(3, 1, always)).toBeUndefined();
  });

  it('have the same page size, and the table stays as large as it is', () => {
    const twins = new PageTwins(pureCodec, streamId, 1);
    twins.begin(slab(Array.from({ length: 32 }, (_, index) => index + 1)), 4096);
    twins.stored(0, 0, 0);
    twins.stored(1, 0, 1);
    twins.begin(slab([1, 2]), 4096);
    expect(twins.find(0, 1, always)).toBeUndefined();
    expect(twins.find(1, 1, () => 8192)).toBeUndefined();
    expect(twins.find(1, 1, always)?.sourcePage).toBe(1);
  });

  it.each([0, 3, 2 ** 25])('refuse a table of %i entries', (entries) => {
    expect(() => new PageTwins(pureCodec, streamId, entries)).toThrow(RangeError);
  });
});

function hash(bytes: Uint8Array, low = 1, high = 2): string {
  const words = new Uint32Array(4);
  hashPages(bytes, 4096, low, high, words);
  return words.join();
}

describe('hashPages', () => {
  it('depends on every bit and on the seed', () => {
    const seen = new Set([hash(page(1)), hash(page(1), 2), hash(page(1), 1, 3)]);
    for (let at = 0; at < 4096; at += 37) seen.add(hash(page(1).with(at, 1 ^ (1 << (at % 8)))));
    expect(seen.size).toBe(3 + Math.ceil(4096 / 37));
  });
});

describe('turns', () => {
  it('end in the order in which they began', async () => {
    const turns = new Turns();
    const ended: number[] = [];
    const release: (() => void)[] = [];
    const all = [0, 1, 2].map((index) => {
      const work = new Promise<number>((resolve) => release.push(() => resolve(index)));
      return turns.take(
        work,
        (value) => ended.push(value),
        () => {},
      );
    });
    expect(turns.isBusy).toBe(true);
    for (const index of [2, 0, 1]) release[index]!();
    await Promise.all(all);
    expect(ended).toEqual([0, 1, 2]);
    expect(turns.isBusy).toBe(false);
  });

  it('fail together: what comes after the first failure is dropped, and nothing ends', async () => {
    const turns = new Turns();
    const dropped: number[] = [];
    const ended: number[] = [];
    const take = (work: Promise<number>) =>
      turns.take(
        work,
        (value) => ended.push(value),
        (value) => dropped.push(value),
      );
    const good = take(Promise.resolve(0));
    const bad = take(Promise.reject(new Error('no memory')));
    const after = take(Promise.resolve(2));
    await good;
    await expect(bad).rejects.toThrow('no memory');
    await expect(after).rejects.toThrow('no memory');
    await expect(take(Promise.resolve(3))).rejects.toThrow('no memory');
    expect(ended).toEqual([0]);
    expect(dropped).toEqual([2, 3]);
  });
});

describe('Recent', () => {
  it('keeps what was used last within its bound', () => {
    const recent = new Recent<string>(10);
    recent.set(1, 'a', 4);
    recent.set(2, 'b', 4);
    expect(recent.get(1)).toBe('a');
    recent.set(3, 'c', 4);
    expect([recent.get(1), recent.get(2), recent.get(3)]).toEqual(['a', undefined, 'c']);
    recent.set(4, 'd', 11);
    expect([1, 2, 3, 4].map((key) => recent.get(key))).toEqual([undefined, undefined, undefined, undefined]);
    recent.set(5, 'e', 10);
    recent.set(5, 'f', 10);
    expect(recent.get(5)).toBe('f');
  });
});

describe('a page map', () => {
  const regions = [
    { id: 0, name: 'a', pageSize: 4096, sizeBytes: 8 * 4096 },
    { id: 1, name: 'b', pageSize: 4096, sizeBytes: 2 * 4096 },
  ];

  it('joins neighbours of one frame, and finds the frame of each page', () => {
    const map = new PageMap();
    map.add(1, 0, 2, 900);
    map.add(0, 4, 2, 500);
    map.add(0, 6, 2, 500);
    map.add(0, 0, 4, 700);
    map.sort();
    expect(map.length).toBe(3);
    expect([0, 3, 4, 7].map((each) => map.find(0, each)?.frameOffset)).toEqual([700, 700, 500, 500]);
    expect([map.find(1, 1)?.frameOffset, map.find(1, 2), map.find(0, 8), map.find(2, 0)]).toEqual([
      900,
      undefined,
      undefined,
      undefined,
    ]);
    expect(map.firstGap(regions)).toBeUndefined();
  });

  it.each([
    [
      [
        [0, 0, 7],
        [1, 0, 2],
      ],
      { region: 0, page: 7, repeated: false },
    ],
    [
      [
        [0, 0, 8],
        [0, 7, 1],
        [1, 0, 2],
      ],
      { region: 0, page: 7, repeated: true },
    ],
    [
      [
        [0, 1, 7],
        [1, 0, 2],
      ],
      { region: 0, page: 0, repeated: false },
    ],
    [[[0, 0, 8]], { region: 1, page: 0, repeated: false }],
    [
      [
        [0, 0, 8],
        [1, 0, 2],
        [2, 0, 1],
      ],
      { region: 2, page: 0, repeated: true },
    ],
  ])('says where %j has a gap', (entries, gap) => {
    const map = new PageMap();
    for (const [index, [region, first, count]] of entries.entries()) map.add(region!, first!, count!, index);
    map.sort();
    expect(map.firstGap(regions)).toEqual(gap);
  });
});
