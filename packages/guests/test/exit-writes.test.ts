import type { ThreadState } from '@stillframe/uffd';
import { describe, expect, test } from 'vitest';
import { exitWrites } from '../src/process/exit-writes.ts';
import { aheadRegions, setAside } from '../src/process/set-aside.ts';

const PAGE = 4096n;
const MIB = 2n ** 20n;

function thread(regsets: ThreadState['regsets']): ThreadState {
  return {
    tid: 7,
    regsets,
    signalMask: 0n,
    pendingSignals: 0n,
    sharedPendingSignals: 0n,
    siginfo: new Uint8Array(0),
    stopSignal: 0,
  };
}

/** A register set whose word at `offset` is `value`. */
function words(bytes: number, offset: number, value: bigint): Uint8Array {
  const set = new Uint8Array(bytes);
  new DataView(set.buffer).setBigUint64(offset, value, true);
  return set;
}

const nothing = { read: () => 0 };

/** Memory of which some words are something; the rest cannot be read. */
function memoryOf(content: ReadonlyMap<bigint, bigint>) {
  return {
    read(address: bigint, into: Uint8Array): number {
      const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
      let at = 0;
      for (; at < into.byteLength; at += 8) {
        const word = content.get(address + BigInt(at));
        if (word === undefined) break;
        view.setBigUint64(at, word, true);
      }
      return at;
    },
  };
}

describe('where the kernel writes when a thread ends', () => {
  test('on x86_64: from the thread pointer on', () => {
    const state = thread([{ type: 1, bytes: words(216, 168, 0x7000n) }]);
    const options = { arch: 'x86_64', files: nothing, robustList: () => undefined };
    expect(exitWrites([state], options)).toEqual([{ start: 0x7000n, end: 0x8000n }]);
  });

  test('on aarch64: before the thread pointer', () => {
    const state = thread([{ type: 0x401, bytes: words(8, 0, 0x7000n) }]);
    const options = { arch: 'aarch64', files: nothing, robustList: () => undefined };
    expect(exitWrites([state], options)).toEqual([{ start: 0x6000n, end: 0x7000n }]);
  });

  test('the head of the robust futexes, those that are held, and the one being taken', () => {
    const content = new Map([
      [0x100n, 0x201n], // next, marked
      [0x108n, 0xffff_ffff_ffff_fff0n], // the futex is 16 bytes before its entry
      [0x110n, 0x400n], // pending
      [0x200n, 0x300n],
      [0x300n, 0x100n], // back at the head
    ]);
    const options = { arch: 'x86_64', files: memoryOf(content), robustList: () => 0x100n };
    expect(exitWrites([thread([])], options).map(({ start }) => start)).toEqual([
      0x100n,
      0x3f0n,
      0x1f0n,
      0x2f0n,
    ]);
  });

  test('a list without an end is followed so far and no further', () => {
    const content = new Map([
      [0x100n, 0x200n],
      [0x108n, 0n],
      [0x110n, 0n],
      [0x200n, 0x200n],
    ]);
    const options = { arch: 'x86_64', files: memoryOf(content), robustList: () => 0x100n };
    expect(exitWrites([thread([])], options)).toHaveLength(1 + 2048);
  });
});

describe('pages set aside', () => {
  const plan = {
    armed: [
      { start: 16n * PAGE, end: 32n * PAGE, pageSize: 4096 },
      { start: 2n * MIB, end: 6n * MIB, pageSize: 2 ** 21 },
    ],
    registered: [],
    copied: [{ start: 0n, end: PAGE }],
  };

  test('are copied instead of armed, whole pages of them', () => {
    const aside = setAside(plan, [
      { start: 20n * PAGE + 8n, end: 21n * PAGE + 8n },
      { start: 4n * MIB + 5n, end: 4n * MIB + 6n },
      { start: 100n * PAGE, end: 101n * PAGE },
    ]);
    expect(aside.armed).toEqual([
      { start: 16n * PAGE, end: 20n * PAGE, pageSize: 4096 },
      { start: 22n * PAGE, end: 32n * PAGE, pageSize: 4096 },
      { start: 2n * MIB, end: 4n * MIB, pageSize: 2 ** 21 },
    ]);
    expect(aside.copied).toEqual([
      { start: 0n, end: PAGE },
      { start: 20n * PAGE, end: 22n * PAGE },
      { start: 4n * MIB, end: 6n * MIB },
    ]);
  });

  test('a plan that they do not touch stays as it is', () => {
    expect(setAside(plan, [{ start: 100n * PAGE, end: 101n * PAGE }])).toBe(plan);
  });
});

describe('before the cut', () => {
  test('small pieces and the upper end of a mapping are not armed', () => {
    const mappings = [
      { start: 0n, end: 8n * MIB },
      { start: 8n * MIB, end: 16n * MIB },
    ];
    const small = { start: 0n, end: MIB - PAGE, pageSize: 4096 };
    const within = { start: 2n * MIB, end: 4n * MIB, pageSize: 4096 };
    const toTheEnd = { start: 12n * MIB, end: 16n * MIB, pageSize: 4096 };
    const plan = { armed: [small, within, toTheEnd], registered: [], copied: [] };
    expect(
      aheadRegions(plan, mappings).map(({ address, sizeBytes, onlyAtCut }) => [
        address,
        sizeBytes,
        onlyAtCut,
      ]),
    ).toEqual([
      [0n, Number(MIB - PAGE), true],
      [2n * MIB, Number(2n * MIB), false],
      [12n * MIB, Number(4n * MIB) - 65_536, false],
      [16n * MIB - 65_536n, 65_536, true],
    ]);
  });
});
