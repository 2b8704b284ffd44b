import { describe, expect, it } from 'vitest';
import { pageCodec } from '../src/index.ts';

const bytes = new Uint8Array(8192);
const runs = new Uint32Array(3);
const digest = new Uint32Array(2);

/** Calls as one without types could. */
const call = (method: keyof typeof pageCodec, args: readonly unknown[]): unknown =>
  Reflect.apply(pageCodec[method], pageCodec, args);

type Refusal = readonly [method: keyof typeof pageCodec, args: readonly unknown[], message: RegExp];

const wrongTypes: readonly Refusal[] = [
  ['crc32c', [], /bytes must be a Uint8Array/],
  ['crc32c', ['text'], /bytes must be a Uint8Array/],
  ['crc32c', [new ArrayBuffer(8)], /bytes must be a Uint8Array/],
  ['crc32c', [new Uint16Array(8)], /bytes must be a Uint8Array/],
  ['crc32c', [new DataView(new ArrayBuffer(8))], /bytes must be a Uint8Array/],
  ['crc32c', [bytes, '1'], /seed must be a number/],
  ['crc32c', [bytes, 1n], /seed must be a number/],
  ['crc32c', [bytes, null], /seed must be a number/],
  ['findZeroRuns', [bytes], /pageSize must be a number/],
  ['findZeroRuns', [bytes, 4096, [1, 2, 3]], /runLengths must be a Uint32Array/],
  ['findZeroRuns', [bytes, 4096, new Int32Array(3)], /runLengths must be a Uint32Array/],
  ['digestRun', [[], 0, 0, 0, digest], /pages must be a Uint8Array/],
  ['digestRun', [bytes, 0, 0, 0], /digest must be a Uint32Array/],
  ['digestRun', [bytes, undefined, 0, 0, digest], /seed must be a number/],
];

const outOfRange: readonly Refusal[] = [
  ['crc32c', [bytes, -1], /seed must be a whole number from 0 to 4294967295/],
  ['crc32c', [bytes, 2 ** 32], /seed/],
  ['crc32c', [bytes, 0.5], /seed/],
  ['crc32c', [bytes, Number.NaN], /seed/],
  ['findZeroRuns', [bytes, 0, runs], /pageSize is 0; it must be a multiple of 16/],
  ['findZeroRuns', [bytes, 8, runs], /pageSize is 8; it must be a multiple of 16/],
  ['findZeroRuns', [bytes, 4096 + 16, runs], /8192 bytes; it must be a whole number of pages of 4112 bytes/],
  ['findZeroRuns', [bytes, -4096, runs], /pageSize/],
  ['findZeroRuns', [bytes, Number.POSITIVE_INFINITY, runs], /pageSize/],
  ['findZeroRuns', [bytes, 4096, new Uint32Array(2)], /runLengths has 2 entries; it needs at least 3/],
  [
    'digestRun',
    [bytes.subarray(1), 0, 0, 0, digest],
    /8191 bytes; it must be a whole number of units of 4096/,
  ],
  ['digestRun', [bytes, 2 ** 32, 0, 0, digest], /seed/],
  ['digestRun', [bytes, 0, 2 ** 32, 0, digest], /region/],
  [
    'digestRun',
    [bytes, 0, 0, 2 ** 53, digest],
    /firstUnit must be a whole number from 0 to 9007199254740991/,
  ],
  ['digestRun', [bytes, 0, 0, -1, digest], /firstUnit/],
  ['digestRun', [bytes, 0, 0, 0, new Uint32Array(1)], /digest has 1 entries; it must have 2/],
  ['digestRun', [bytes, 0, 0, 0, new Uint32Array(3)], /digest has 3 entries/],
];

describe('arguments', () => {
  it.each(wrongTypes)('%s refuses a wrong type, case %#', (method, args, message) => {
    expect(() => call(method, args)).toThrow(TypeError);
    expect(() => call(method, args)).toThrow(message);
  });

  it.each(outOfRange)('%s refuses a value out of range, case %#', (method, args, message) => {
    expect(() => call(method, args)).toThrow(RangeError);
    expect(() => call(method, args)).toThrow(message);
  });

  it('takes the largest values that are allowed', () => {
    expect(pageCodec.crc32c(new Uint8Array(0), 0xffff_ffff)).toBe(0xffff_ffff);
    expect(pageCodec.digestRun(bytes, 0, 0xffff_ffff, Number.MAX_SAFE_INTEGER, digest)).toBe(
      pageCodec.crc32c(bytes),
    );
    expect(pageCodec.crc32c(bytes, undefined)).toBe(pageCodec.crc32c(bytes, 0));
  });
});
