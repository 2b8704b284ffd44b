import { beforeAll, describe, expect, test } from 'vitest';
import type { WorkloadImage } from '../../src/workloads/index.ts';
import { KvBytes } from '../../src/workloads/kv/kv-bytes.ts';
import { header, MAX_VALUE_BYTES } from '../../src/workloads/kv/kv-layout.ts';
import { KvLoad, MAX_LOAD_KEY_BYTES, MAX_LOAD_VALUE_BYTES } from '../../src/workloads/kv/kv-load.ts';
import { kvOracle } from '../../src/workloads/kv/kv-oracle.ts';
import { KV_REGION, kvShape, packKvState } from '../../src/workloads/kv/kv-state.ts';
import { KvStore } from '../../src/workloads/kv/kv-store.ts';
import { packState } from '../../src/workloads/state-cursor.ts';
import { copyImage, memoryOf, takeTwoImages } from './take-image.ts';

const SIZE = 1024 * 1024;
const { keyCount, bucketCount } = kvShape(SIZE);
const CUT = 3 * keyCount;

const key = new KvBytes(MAX_LOAD_KEY_BYTES);
const value = new KvBytes(MAX_LOAD_VALUE_BYTES);
const load = new KvLoad(keyCount, keyCount);

/** The store after operations 1 to `cut`. */
function makeMemory(cut: number): Uint8Array {
  const memory = new Uint8Array(SIZE);
  const store = KvStore.format(memory, bucketCount);
  for (let n = 1; n <= cut; n++) {
    load.choose(n);
    load.writeKey(load.keyIndex, key);
    load.writeValue(n, value);
    if (load.operation === 'put') store.put(key, value);
    else if (load.operation === 'delete') store.delete(key);
    store.sequence = n;
  }
  return memory;
}

const whole = makeMemory(CUT);
const later = makeMemory(CUT + 2000);

function makeImage(): WorkloadImage {
  const state = packKvState({ cut: CUT, sizeBytes: SIZE, filled: keyCount });
  return { state, regions: new Map([[KV_REGION, whole.slice()]]) };
}

const wordsOf = (image: WorkloadImage) => new Uint32Array(memoryOf(image).buffer);
const storeOf = (image: WorkloadImage) => KvStore.attach(memoryOf(image));

/** The last put of the load that is still there at the cut, and the key it was for. */
const lastPut = (() => {
  for (let n = CUT; n > 0; n--) {
    load.choose(n);
    load.writeKey(load.keyIndex, key);
    const found = new KvBytes(MAX_VALUE_BYTES);
    if (!KvStore.attach(whole).get(key, found)) continue;
    if (KvLoad.operationOf(found) === n) return { n, keyIndex: load.keyIndex };
  }
  throw new Error('the load put nothing');
})();

const put = (image: WorkloadImage, name: string, fill: (into: KvBytes) => void) => {
  fill(value);
  storeOf(image).put(KvBytes.of(Buffer.from(name)), value);
};
const name = `key:${lastPut.keyIndex}`;
/** The first word of a bucket that is in use. */
const usedBucket = (() => {
  const words = new Uint32Array(whole.buffer);
  for (let word = 1024; ; word += 2) if (words[word + 1] !== 0) return word;
})();
const slotOf = (image: WorkloadImage) => wordsOf(image)[usedBucket + 1]! * 2;

const defects: readonly [name: string, check: string, plant: (image: WorkloadImage) => void][] = [
  ['a lost entry', 'none-lost', (image) => storeOf(image).delete(KvBytes.of(Buffer.from(name)))],
  [
    'all entries lost',
    'none-lost',
    (image) => {
      memoryOf(image).fill(0);
      KvStore.format(memoryOf(image), bucketCount).sequence = CUT;
    },
  ],
  [
    'an entry of a key that the load does not have',
    'none-extra',
    (image) => put(image, `key:${keyCount}`, (into) => load.writeValue(1, into)),
  ],
  [
    'an entry of a key spelt in another way',
    'none-extra',
    (image) => put(image, 'key:01', (into) => load.writeValue(1, into)),
  ],
  [
    'an entry with a strange key',
    'none-extra',
    (image) => put(image, '\u009b31m', (into) => load.writeValue(1, into)),
  ],
  [
    'a value from before the last put',
    'no-stale-value',
    (image) => put(image, name, (into) => load.writeValue(lastPut.n - 1, into)),
  ],
  [
    'a value from after the cut',
    'no-late-value',
    (image) => put(image, name, (into) => load.writeValue(CUT + 1, into)),
  ],
  [
    'a value with one bit changed and a good checksum',
    'values-exact',
    (image) =>
      put(image, name, (into) => {
        load.writeValue(lastPut.n, into);
        into.bytes[into.length - 1]! ^= 1;
      }),
  ],
  [
    'a value cut short',
    'values-exact',
    (image) =>
      put(image, name, (into) => {
        load.writeValue(lastPut.n, into);
        into.length -= 1;
      }),
  ],
  ['another operation acknowledged', 'cut-reached', (image) => (storeOf(image).sequence = CUT + 1)],
  ['a wrong count', 'store-sound', (image) => (wordsOf(image)[header.entryCount]! += 1)],
  ['a bit changed in a slot', 'store-sound', (image) => (wordsOf(image)[slotOf(image) + 6]! ^= 2)],
  ['a slot said to be free', 'store-sound', (image) => (wordsOf(image)[slotOf(image) + 1] = 0xffff_ffff)],
  ['a key of absurd length', 'store-sound', (image) => (wordsOf(image)[slotOf(image) + 1]! |= 0xffff)],
  ['a value of absurd length', 'store-sound', (image) => (wordsOf(image)[slotOf(image) + 2] = 0xffff_fff0)],
  ['a hash of another key', 'store-sound', (image) => (wordsOf(image)[usedBucket]! ^= 0x8000_0000)],
  ['a reference to the header', 'store-sound', (image) => (wordsOf(image)[usedBucket + 1] = 1)],
  ['a reference beyond the end', 'store-sound', (image) => (wordsOf(image)[usedBucket + 1] = 0xffff_ffff)],
  [
    'one entry in two buckets',
    'store-sound',
    (image) => {
      const words = wordsOf(image);
      const empty = words.findIndex((_, word) => word > usedBucket && word % 2 === 1 && words[word] === 0);
      words[empty - 1] = words[usedBucket]!;
      words[empty] = words[usedBucket + 1]!;
    },
  ],
  [
    'no empty bucket',
    'store-sound',
    (image) => {
      const words = wordsOf(image);
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        if (words[1024 + bucket * 2 + 1] !== 0) continue;
        words[1024 + bucket * 2] = words[usedBucket]! ^ 1;
        words[1024 + bucket * 2 + 1] = words[usedBucket + 1]!;
      }
    },
  ],
  ['no magic', 'store-sound', (image) => (wordsOf(image)[header.magic]! ^= 1)],
  ['another version', 'store-sound', (image) => (wordsOf(image)[header.version]! += 1)],
  ['an absurd size', 'store-sound', (image) => (wordsOf(image)[header.sizeUnits] = 0xffff_ffff)],
  ['an absurd number of buckets', 'store-sound', (image) => (wordsOf(image)[header.bucketCount] = 2 ** 31)],
  ['no buckets', 'store-sound', (image) => (wordsOf(image)[header.bucketCount] = 0)],
  ['a heap in the buckets', 'store-sound', (image) => (wordsOf(image)[header.heapStart] = 0)],
  ['a heap that ends nowhere', 'store-sound', (image) => (wordsOf(image)[header.heapUsed] = 0xffff_ffff)],
  ['a heap that ends too early', 'memory-exact', (image) => (wordsOf(image)[header.heapUsed]! -= 8)],
  [
    'a byte changed in memory that was never used',
    'memory-exact',
    (image) => memoryOf(image).fill(1, SIZE - 1),
  ],
  ['zeros', 'store-sound', (image) => memoryOf(image).fill(0)],
  ['ones', 'store-sound', (image) => memoryOf(image).fill(0xff)],
];

const PAGE = 4096;
const differingPages = Array.from({ length: SIZE / PAGE }, (_, index) => index).filter(
  (index) =>
    !Buffer.from(whole.subarray(index * PAGE, (index + 1) * PAGE)).equals(
      later.subarray(index * PAGE, (index + 1) * PAGE),
    ),
);

describe('the oracle of kv', () => {
  test('passes the store that the operations before the cut leave', async () => {
    const report = await kvOracle.verify(makeImage());
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report).toMatchObject({ ok: true, cut: CUT });
  });

  test.for(defects)('finds %s', async ([, check, plant]) => {
    const image = makeImage();
    plant(image);
    const report = await kvOracle.verify(image);
    expect(report.ok).toBe(false);
    expect(report.checks.find(({ ok }) => !ok)?.detail).not.toMatch(/[^\x20-\x7e]/);
    expect(report.checks.filter(({ ok }) => !ok).map((failed) => failed.name)).toContain(check);
  });

  test('finds every single page that is from after the cut', async () => {
    expect(differingPages.length).toBeGreaterThan(50);
    const missed: number[] = [];
    for (const index of differingPages) {
      const image = makeImage();
      memoryOf(image).set(later.subarray(index * PAGE, (index + 1) * PAGE), index * PAGE);
      // oxlint-disable-next-line no-await-in-loop -- one image at a time
      if ((await kvOracle.verify(image)).ok) missed.push(index);
    }
    expect(missed).toEqual([]);
  });

  test('finds two pages that changed places', async () => {
    const image = makeImage();
    const memory = memoryOf(image);
    const heap = Math.ceil((4096 + bucketCount * 8) / PAGE) * PAGE;
    memory.copyWithin(heap, heap + PAGE, heap + 2 * PAGE);
    memory.set(whole.subarray(heap, heap + PAGE), heap + PAGE);
    expect((await kvOracle.verify(image)).ok).toBe(false);
  });

  test('takes memory at any address', async () => {
    const image = makeImage();
    const shifted = new Uint8Array(SIZE + 3).subarray(3);
    shifted.set(whole);
    const report = await kvOracle.verify({ ...image, regions: new Map([[KV_REGION, shifted]]) });
    expect(report.ok).toBe(true);
  });

  test.for([
    ['no region of its name', 'other', SIZE],
    ['a region that is too short', KV_REGION, SIZE - 4096],
    ['a region that is too long', KV_REGION, SIZE + 4096],
  ] as const)('refuses %s', async ([, region, sizeBytes]) => {
    const regions = new Map([[region, new Uint8Array(sizeBytes)]]);
    const report = await kvOracle.verify({ ...makeImage(), regions });
    expect(report.checks).toEqual([expect.objectContaining({ name: 'memory-size', ok: false })]);
    expect(report.ok).toBe(false);
  });

  test.for([
    ['nothing', new Uint8Array(), 0],
    ['one byte too few', packState([1, SIZE, 0]).subarray(0, 23), 16],
    ['one byte too many', packState([1, SIZE, 0], new Uint8Array(1)), 24],
    ['a cut that is no whole number', packState([1.5, SIZE, 0]), 0],
    ['a cut beyond counting', packState([2 ** 53, SIZE, 0]), 0],
    ['a negative cut', packState([-1, SIZE, 0]), 0],
    ['a memory too small', packState([1, SIZE - 1, 0]), 8],
    ['a memory too large', packState([1, 2 ** 32 + 1, 0]), 8],
    ['more keys filled than there are', packState([1, SIZE, keyCount + 1]), 16],
    ['fewer than none', packState([1, SIZE, -1]), 16],
  ] as const)('refuses a state with %s', async ([, bytes, offset]) => {
    const image = { state: { kind: kvOracle.kind, bytes }, regions: makeImage().regions };
    await expect(kvOracle.verify(image)).rejects.toMatchObject({ code: 'WORKLOAD_STATE_INVALID', offset });
  });

  test('a cut that would take a year to replay runs into the time limit, or into the signal', async () => {
    const state = packKvState({ cut: 2 ** 53 - 1, sizeBytes: SIZE, filled: keyCount });
    const image = { ...makeImage(), state };
    await expect(kvOracle.verify(image, { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'WORKLOAD_ORACLE_TIMEOUT',
    });
    const controller = new AbortController();
    const verifying = kvOracle.verify(image, { signal: controller.signal });
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(verifying).rejects.toBe(reason);
  });
});

/** Some operations of a new load. */
const describeSome = () => {
  const fresh = new KvLoad(1000, 10);
  return [1, 11, 500, 2 ** 32 + 5, 2 ** 40].map((n) => {
    fresh.choose(n);
    fresh.writeValue(n, value);
    return [
      fresh.operation,
      fresh.keyIndex,
      Buffer.from(value.bytes.subarray(0, value.length)).toString('hex'),
    ];
  });
};

describe('the load of kv', () => {
  test('is a pure function of the number, with every kind of operation', () => {
    const first = describeSome();
    expect(describeSome()).toEqual(first);
    expect(new Set(first.map(String)).size).toBe(5);
    const kinds = new Map<string, number>();
    for (let n = 1; n <= 10_000; n++) {
      load.choose(n + keyCount);
      kinds.set(load.operation, (kinds.get(load.operation) ?? 0) + 1);
    }
    expect(Object.fromEntries(kinds)).toEqual({
      put: expect.closeTo(5500, -3),
      delete: expect.closeTo(1000, -3),
      get: expect.closeTo(3500, -3),
    });
  });

  test('never fills the smallest memory', () => {
    expect(() => makeMemory(200_000)).not.toThrow();
  });
});

describe('kv under load', () => {
  let images: [WorkloadImage, WorkloadImage];

  beforeAll(async () => {
    images = await takeTwoImages('kv,size=4MiB,rate=0', 5000);
  });

  test('an image taken at rest passes', async () => {
    const reports = await Promise.all(images.map((image) => kvOracle.verify(image)));
    expect(reports.map(({ ok }) => ok)).toEqual([true, true]);
    expect(reports[1]!.cut).toBeGreaterThanOrEqual(reports[0]!.cut + 5000);
  });

  test('memory of a later moment is found', async () => {
    const mixed = copyImage(images[0]);
    const half = memoryOf(mixed).length / 2;
    memoryOf(mixed).set(memoryOf(images[1]).subarray(half), half);
    expect((await kvOracle.verify(mixed)).ok).toBe(false);
  });
});
