import { describe, expect, test } from 'vitest';
import { ProcessGuestError } from '../src/process/error.ts';
import { decodeProcessState, isProcessStateKind } from '../src/process/state-decode.ts';
import { encodeProcessState } from '../src/process/state-encode.ts';
import {
  ARGS_MAX_BYTES,
  AUXV_MAX_BYTES,
  PROCESS_STATE_KIND,
  type ProcessState,
  REGSET_MAX_BYTES,
  REGSETS_MAX,
  SIGINFO_MAX_BYTES,
} from '../src/process/state.ts';
import { sampleRegion, sampleState, sampleThread, stateMapping } from './sample-state.ts';

const decode = (bytes: Uint8Array) => decodeProcessState({ kind: PROCESS_STATE_KIND, bytes });
const roundTrip = (change: Partial<ProcessState>) => decode(encodeProcessState(sampleState(change)));
const invalid = expect.objectContaining({
  code: 'PROCESS_STATE_INVALID',
  operands: { byteOffset: expect.any(Number) },
});

describe('the state of a process', () => {
  test('comes back as it was', () => {
    expect(roundTrip({})).toEqual(sampleState());
  });

  test('is a copy', () => {
    const bytes = encodeProcessState(sampleState());
    const state = decode(bytes);
    bytes.fill(0xff);
    expect(state).toEqual(sampleState());
  });

  test('has a kind with a version', () => {
    const bytes = encodeProcessState(sampleState());
    expect(isProcessStateKind('process@2')).toBe(true);
    expect(isProcessStateKind('workload/counter@1')).toBe(false);
    expect(() => decodeProcessState({ kind: 'process@2', bytes })).toThrow(
      expect.objectContaining({ code: 'PROCESS_STATE_VERSION' }),
    );
    expect(() => decodeProcessState({ kind: 'memory@1', bytes })).toThrow(
      expect.objectContaining({ code: 'PROCESS_STATE_INVALID' }),
    );
  });

  test('texts that are too long are cut at a character', () => {
    expect(roundTrip({ fname: 'fifteen-bytes-ä-and-more' }).fname).toBe('fifteen-bytes-');
    expect(roundTrip({ args: 'a'.repeat(ARGS_MAX_BYTES + 1) }).args).toHaveLength(ARGS_MAX_BYTES);
  });
});

const thread = (change: object) => ({ threads: [sampleThread(1, change)] });

describe('limits, at and one above', () => {
  test.for([
    ['auxv', (over: number) => ({ auxv: new Uint8Array(AUXV_MAX_BYTES + over) })],
    ['siginfo', (over: number) => thread({ siginfo: new Uint8Array(SIGINFO_MAX_BYTES + over) })],
    [
      'register sets',
      (over: number) =>
        thread({
          regsets: Array.from({ length: REGSETS_MAX + over }, () => ({ type: 1, bytes: new Uint8Array(0) })),
        }),
    ],
    [
      'bytes of one',
      (over: number) => thread({ regsets: [{ type: 1, bytes: new Uint8Array(REGSET_MAX_BYTES + over) }] }),
    ],
    [
      'regions',
      (over: number) => ({
        regions: Array.from({ length: 16_384 + over }, (_, at) => sampleRegion(BigInt(at) << 13n, 1)),
      }),
    ],
  ] as const)('%s', ([, make]) => {
    expect(() => roundTrip(make(0))).not.toThrow();
    expect(() => roundTrip(make(1))).toThrow(expect.objectContaining({ code: 'PROCESS_TOO_LARGE' }));
  });
});

function outcome(bytes: Uint8Array): string {
  try {
    decode(bytes);
    return 'fine';
  } catch (error) {
    return error instanceof ProcessGuestError ? error.code : String(error);
  }
}

describe('what is not believed', () => {
  const bytes = encodeProcessState(sampleState());

  test('any part of a state', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decode(bytes.subarray(0, length))).toThrow(invalid);
    }
  });

  test('bytes after it', () => {
    expect(() => decode(new Uint8Array([...bytes, 0]))).toThrow(invalid);
  });

  test('counts that would need more bytes than there are', () => {
    // Each place that holds a 32-bit number, among others: none makes the decoder take much, or throw anything else.
    for (let at = 0; at + 4 <= bytes.length; at++) {
      const changed = bytes.slice();
      new DataView(changed.buffer).setUint32(at, 0xffff_ffff, true);
      expect(['fine', 'PROCESS_STATE_INVALID']).toContain(outcome(changed));
    }
  });

  test.for([
    ['mappings out of order', { mappings: [stateMapping(0x2000n, 1), stateMapping(0x1000n, 1)] }],
    ['mappings that overlap', { mappings: [stateMapping(0x1000n, 2), stateMapping(0x2000n, 1)] }],
    ['an empty mapping', { mappings: [stateMapping(0x1000n, 0)] }],
    ['half a page', { mappings: [stateMapping(0x1800n, 1)] }],
    ['regions that overlap', { regions: [sampleRegion(0x2000n, 1), sampleRegion(0x1000n, 2)] }],
    ['an empty region', { regions: [sampleRegion(0x1000n, 0)] }],
    ['a region beyond the end', { regions: [sampleRegion(0xffff_ffff_ffff_f000n, 2)] }],
    ['a region of more bytes than an image', { regions: [sampleRegion(0n, 2 ** 32 + 1)] }],
    ['half a huge page', { regions: [sampleRegion(0x1000n, 1, { pageSize: 8192 })] }],
    ['a page size that is none', { regions: [sampleRegion(0n, 3, { pageSize: 12_288 })] }],
    ['a base page that is none', { pageSize: 131_072 }],
    ['no thread', { threads: [] }],
    ['a signal that does not exist', { threads: [sampleThread(1, { stopSignal: 65 })] }],
    ['half a pair of auxv', { auxv: new Uint8Array(8) }],
    ['permissions that do not exist', { mappings: [stateMapping(0x1000n, 1, { perms: 16 })] }],
  ] as const)('%s', ([, change]) => {
    expect(() => roundTrip(change)).toThrow(invalid);
  });
});
