import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KvBytes } from '../../src/workloads/kv/kv-bytes.ts';
import {
  HEADER_BYTES,
  header,
  MAX_KEY_BYTES,
  MAX_LOAD,
  MAX_VALUE_BYTES,
  SLOT_HEADER_WORDS,
  slot,
  UNIT_BYTES,
  UNIT_WORDS,
} from '../../src/workloads/kv/kv-layout.ts';
import { KvStore } from '../../src/workloads/kv/kv-store.ts';
import { xxh32 } from '../../src/workloads/kv/xxh32.ts';
import { codeOf } from './take-image.ts';

const SIZE = 512 * 1024;
const BUCKETS = 64;

function newStore(sizeBytes = SIZE, buckets = BUCKETS) {
  const memory = new Uint8Array(sizeBytes);
  return { memory, store: KvStore.format(memory, buckets) };
}

const bytes = (text: string) => KvBytes.of(Buffer.from(text));

function get(store: KvStore, key: KvBytes): Buffer | undefined {
  const into = new KvBytes(MAX_VALUE_BYTES);
  return store.get(key, into) ? Buffer.from(into.bytes.subarray(0, into.length)) : undefined;
}

/** Everything in the store, by key. */
function contents(store: KvStore): Map<string, string> {
  const [key, value] = [new KvBytes(MAX_KEY_BYTES), new KvBytes(MAX_VALUE_BYTES)];
  const all = new Map<string, string>();
  for (let bucket = 0; bucket < store.bucketCount; bucket++) {
    if (!store.readBucket(bucket, key, value)) continue;
    const name = Buffer.from(key.bytes.subarray(0, key.length)).toString('hex');
    expect(all.has(name)).toBe(false);
    all.set(name, Buffer.from(value.bytes.subarray(0, value.length)).toString('hex'));
  }
  expect(store.entryCount).toBe(all.size);
  return all;
}

/** Runs `use`; what it throws may only be what a damaged memory entitles it to. */
function mayFail(use: () => void): void {
  try {
    use();
  } catch (error) {
    codeOf(error, 'WORKLOAD_MEMORY_CORRUPT', 'WORKLOAD_FULL');
  }
}

const operation = fc.record({
  kind: fc.constantFrom('put', 'put', 'delete', 'get'),
  // Few keys, so that they meet; all lengths round a word.
  key: fc.nat(30).map((index) => Buffer.from(`${'k'.repeat(1 + (index % 5))}${index}`)),
  value: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(47, 48, 49, 2047, 4096, MAX_VALUE_BYTES).map((length) => new Uint8Array(length).fill(7)),
  ),
});

interface Step {
  readonly kind: string;
  readonly key: Buffer;
  readonly value: Uint8Array;
}

/** Does one operation and returns what it answers. */
function onStore(store: KvStore, { kind, key, value }: Step): unknown {
  if (kind === 'put') return store.put(KvBytes.of(key), KvBytes.of(value));
  if (kind === 'delete') return store.delete(KvBytes.of(key));
  return get(store, KvBytes.of(key))?.toString('hex');
}

function onModel(model: Map<string, string>, { kind, key, value }: Step): unknown {
  const name = key.toString('hex');
  if (kind === 'put') return void model.set(name, Buffer.from(value).toString('hex'));
  return kind === 'delete' ? model.delete(name) : model.get(name);
}

const ofLength = (length: number) => KvBytes.of(new Uint8Array(length));

describe('KvStore', () => {
  test('does what a Map does, and a copy of the memory is a copy of the store', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const { memory, store } = newStore(4 * 1024 * 1024);
        const model = new Map<string, string>();
        for (const step of operations) expect(onStore(store, step)).toBe(onModel(model, step));
        expect(contents(store)).toEqual(model);
        expect(contents(KvStore.attach(memory.slice()))).toEqual(model);
      }),
      { numRuns: 60 },
    );
  });

  test('gives freed slots out again', () => {
    const { store } = newStore();
    const value = new KvBytes(MAX_VALUE_BYTES);
    value.length = MAX_VALUE_BYTES;
    // Ten times what the memory holds.
    for (let round = 0; round < 160; round++) {
      store.put(bytes(`key ${round}`), value);
      expect(store.delete(bytes(`key ${round}`))).toBe(true);
    }
    expect(store.entryCount).toBe(0);
  });

  test('gives out again what an update to another size left', () => {
    const { store } = newStore();
    for (let round = 0; round < 160; round++) {
      store.put(bytes('key'), ofLength(round % 2 === 0 ? MAX_VALUE_BYTES : MAX_VALUE_BYTES / 4));
    }
    expect(store.entryCount).toBe(1);
  });

  test('a put for which there is no room changes nothing', () => {
    const { memory, store } = newStore();
    const value = new KvBytes(MAX_VALUE_BYTES);
    value.length = MAX_VALUE_BYTES;
    const fill = () => {
      for (let index = 0; index < BUCKETS; index++) store.put(bytes(`key ${index}`), value);
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'WORKLOAD_FULL' }));
    const before = memory.slice();
    const stored = contents(store).size;
    expect(() => store.put(bytes(`key ${stored}`), value)).toThrow(/full/);
    // An update needs a larger slot, which is not there either.
    store.put(bytes('small'), bytes('x'));
    expect(() => store.put(bytes('small'), value)).toThrow(/full/);
    expect(get(store, bytes('small'))?.toString()).toBe('x');
    store.delete(bytes('small'));
    expect(contents(store)).toEqual(contents(KvStore.attach(before)));
  });

  test('takes keys up to its load limit, and not one more', () => {
    const { store } = newStore();
    const most = Math.ceil(BUCKETS * MAX_LOAD);
    for (let index = 0; index < most; index++) store.put(bytes(`key ${index}`), bytes('v'));
    expect(() => store.put(bytes('one more'), bytes('v'))).toThrow(
      expect.objectContaining({ code: 'WORKLOAD_FULL' }),
    );
    store.put(bytes('key 0'), bytes('an update'));
    expect(contents(store).size).toBe(most);
  });

  test('bounds keys and values', () => {
    const { store } = newStore();
    store.put(ofLength(1), ofLength(0));
    store.put(ofLength(MAX_KEY_BYTES), ofLength(MAX_VALUE_BYTES));
    expect(() => store.put(ofLength(0), ofLength(1))).toThrow(RangeError);
    expect(() => store.put(ofLength(MAX_KEY_BYTES + 1), ofLength(1))).toThrow(RangeError);
    expect(() => store.put(ofLength(1), ofLength(MAX_VALUE_BYTES + 1))).toThrow(RangeError);
    expect(store.entryCount).toBe(2);
  });

  test('keeps the number of its user', () => {
    const { memory, store } = newStore();
    store.sequence = 2 ** 40 + 1;
    expect(KvStore.attach(memory.slice()).sequence).toBe(2 ** 40 + 1);
  });

  test.for([
    ['no power of two', SIZE, 63],
    ['no buckets', SIZE, 0],
    ['buckets larger than the memory', SIZE, 65_536],
    ['too little memory', 32 * 1024, 64],
    ['memory that is no multiple of 8', SIZE + 4, 64],
  ] as const)('is not made with %s', ([, sizeBytes, buckets]) => {
    expect(() => newStore(sizeBytes, buckets)).toThrow(RangeError);
  });

  test('a value whose bytes changed fails its checksum', () => {
    const { memory, store } = newStore();
    store.put(bytes('key'), bytes('a value'));
    const at = Buffer.from(memory.buffer).indexOf('a value');
    memory[at]! ^= 1;
    expect(() => get(store, bytes('key'))).toThrow(/checksum/);
  });

  test('a look-up ends where no bucket is empty', () => {
    const { memory, store } = newStore();
    store.put(bytes('key'), bytes('v'));
    const buckets = new Uint32Array(memory.buffer, HEADER_BYTES, 2 * BUCKETS);
    const used = buckets.findIndex((word, at) => at % 2 === 1 && word !== 0);
    for (let at = 1; at < buckets.length; at += 2) buckets[at] = buckets[used]!;
    expect(() => get(store, bytes('another'))).toThrow(/no bucket is empty/);
  });

  test.for([
    ['into the header', 1],
    ['behind what was ever used', SIZE / UNIT_BYTES - 8],
    ['out of the memory', 0xffff_fff0],
  ] as const)('a free list that leads %s is not followed', ([, unit]) => {
    const { memory, store } = newStore();
    new Uint32Array(memory.buffer)[header.freeLists] = unit;
    expect(() => store.put(bytes('key'), bytes('v'))).toThrow(/leads out of the heap/);
  });

  test('a free list that leads to a slot in use is not followed', () => {
    const { memory, store } = newStore();
    store.put(bytes('key'), bytes('v'));
    const words = new Uint32Array(memory.buffer);
    words[header.freeLists] = words[header.heapStart]!;
    expect(() => store.put(bytes('another'), bytes('v'))).toThrow(/a slot in use is listed as free/);
    expect(get(store, bytes('key'))?.toString()).toBe('v');
  });

  test('an entry that is longer than its slot is refused, whatever its checksum', () => {
    const { memory, store } = newStore();
    const value = ofLength(400);
    store.put(bytes('key'), value);
    const words = new Uint32Array(memory.buffer);
    const at = words[header.heapStart]! * UNIT_WORDS;
    words[at + slot.classAndKey]! &= 0xffff;
    words[at] = xxh32(words, at + 1, (SLOT_HEADER_WORDS + 1 + 100 - 1) * 4);
    expect(() => get(store, bytes('key'))).toThrow(/longer than its slot/);
  });

  test('whatever the memory holds, every operation ends and stays inside', () => {
    const damage = fc.array(
      fc.record({
        // The header, the buckets, and the first slots.
        word: fc.nat(1024 + 2 * BUCKETS + 256),
        value: fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, 64, 0x10000, 0xffff_ffff)),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(damage, fc.array(operation, { maxLength: 20 }), (writes, operations) => {
        // The memory is the middle of a larger one, which shows what is written outside.
        const around = new Uint8Array(SIZE + 2 * 4096).fill(0xee);
        const memory = around.subarray(4096, 4096 + SIZE).fill(0);
        const whole = KvStore.format(memory, BUCKETS);
        for (let index = 0; index < 20; index++) whole.put(bytes(`kk${index}`), bytes('v'.repeat(index * 9)));
        const words = new Uint32Array(memory.buffer, memory.byteOffset, SIZE / 4);
        for (const { word, value } of writes) words[word] = value;
        mayFail(() => {
          const store = KvStore.attach(memory);
          for (const step of operations) {
            mayFail(() => void onStore(store, step));
          }
        });
        expect(around.subarray(0, 4096).every((byte) => byte === 0xee)).toBe(true);
        expect(around.subarray(4096 + SIZE).every((byte) => byte === 0xee)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
