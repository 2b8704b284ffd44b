import { CaptureError, type CaptureStats, type EngineRegion } from '@stillframe/uffd';
import { describe, expect, test } from 'vitest';
import type { CapturePlan } from '../src/process/capture-plan.ts';
import { CopiedMemory } from '../src/process/copied-memory.ts';
import type { MemoryFiles } from '../src/process/memory-files.ts';
import { type ForeignEngine, ProcessCapture } from '../src/process/process-capture.ts';

const PAGE = 4096;
const MIB = 2 ** 20;

const STATS: CaptureStats = {
  pages: 10,
  capturedPages: 4,
  faultPages: 1,
  sweptPages: 3,
  faults: 1,
  lastFaultReadNs: 5,
  faultWait: new Float64Array(1),
  faultWaitMaxNs: 6,
  preImageBytes: 7,
  preImageBytesMax: 8,
  spilledBytesMax: 9,
  earlyFaults: 2,
  lostPages: 0,
};

const PLAN: CapturePlan = {
  armed: [{ start: 0x1000n, end: 0x3000n, pageSize: PAGE }],
  registered: [{ start: 0n, end: 0x9000n }],
  copied: [
    { start: 0x10_0000n, end: 0x10_1000n },
    { start: 0x20_0000n, end: 0x20_0000n + BigInt(MIB + PAGE) },
  ],
};

/** Calls in the order in which they were made. */
function stage(change: { failure?: CaptureError; capturedPages?: number } = {}) {
  const calls: string[] = [];
  const engine: ForeignEngine = {
    pageCount: 10,
    failure: change.failure,
    arm: (regions?: readonly EngineRegion[]) => {
      calls.push(`arm ${regions?.length}`);
    },
    pull: (maxSlabs) => {
      calls.push(`pull ${maxSlabs}`);
      if (change.failure !== undefined) throw change.failure;
      return [];
    },
    grant: (pages, notBeforeNs) => {
      calls.push(`grant ${pages} ${notBeforeNs}`);
    },
    wait: async () => {
      calls.push('wait');
    },
    stats: () => ({ ...STATS, capturedPages: change.capturedPages ?? STATS.capturedPages }),
    close: () => {
      calls.push('close');
    },
  };
  /** Memory whose every byte is the number of its MiB. */
  const files: Pick<MemoryFiles, 'read'> = {
    read: (address, into) => {
      calls.push(`read ${address.toString(16)}`);
      into.fill(Number(address >> 20n));
      return into.length;
    },
  };
  const copied = new CopiedMemory(PAGE);
  const capture = new ProcessCapture({
    engine,
    files,
    copied,
    registration: {
      cover: () => calls.push('register'),
      unregister: () => calls.push('unregister'),
      close: () => calls.push('close registration'),
    },
    planAtCut: () => {
      calls.push('plan');
      return PLAN;
    },
    gone: (cause) => new Error('gone', { cause }),
    onClose: () => calls.push('closed'),
  });
  return { calls, capture, copied };
}

describe('a capture of another process', () => {
  test('plans, copies, registers and arms at the cut', () => {
    const { calls, capture } = stage();
    expect(capture.pageCount).toBe(10);
    capture.arm();
    expect(calls).toEqual(['plan', 'read 100000', 'read 200000', 'register', 'arm 1']);
    expect(capture.pageCount).toBe(10 + 1 + 257);
  });

  test('gives what was copied first, in slabs of at most 1 MiB, as regions after the armed ones', () => {
    const { calls, capture } = stage();
    capture.arm();
    const slabs = [...capture.pull(2), ...capture.pull(2)];
    expect(
      slabs.map(({ region, runs, bytes, cause }) => [region, runs, bytes.length, bytes[0], cause]),
    ).toEqual([
      [1, [{ firstPage: 0, pageCount: 1, kind: 'data' }], PAGE, 1, 'sweep'],
      [2, [{ firstPage: 0, pageCount: 256, kind: 'data' }], MIB, 2, 'sweep'],
      [2, [{ firstPage: 256, pageCount: 1, kind: 'data' }], PAGE, 2, 'sweep'],
    ]);
    expect(calls.slice(-2)).toEqual(['pull 0', 'pull 1']);
  });

  test('counts what was copied', () => {
    const { capture } = stage();
    expect(capture.stats()).toEqual(STATS);
    capture.arm();
    const bytes = MIB + 2 * PAGE;
    expect(capture.stats()).toEqual({
      ...STATS,
      pages: 10 + 258,
      capturedPages: 4 + 258,
      sweptPages: 3 + 258,
      preImageBytes: 7 + bytes,
      preImageBytesMax: 8 + bytes,
    });
    const [first] = capture.pull(1);
    expect(capture.stats().preImageBytes).toBe(7 + bytes);
    first?.release();
    first?.release();
    expect(capture.stats().preImageBytes).toBe(7 + bytes - PAGE);
  });

  test('does not wait while something is ready', async () => {
    const { calls, capture } = stage();
    capture.arm();
    await capture.wait();
    expect(calls).not.toContain('wait');
    capture.pull(3);
    await capture.wait();
    capture.grant(5, 6);
    expect(calls.slice(-2)).toEqual(['wait', 'grant 5 6']);
  });

  test('unregisters the whole before the engine does its parts, once', async () => {
    const { calls, capture } = stage();
    await capture.close();
    await capture.close();
    expect(calls).toEqual(['unregister', 'close', 'close registration', 'closed']);
  });

  test('says what became of a process that is gone', async () => {
    const failure = new CaptureError('CAPTURE_GUEST_GONE', 'gone', 'nothing');
    const { capture } = stage({ failure });
    expect(() => capture.pull(1)).toThrow(expect.objectContaining({ message: 'gone', cause: failure }));
    await capture.close();
    await expect(stage({ failure }).capture.close()).rejects.toMatchObject({ cause: failure });
  });

  test('that was given up does not mind that it was disarmed', async () => {
    const failure = new CaptureError('CAPTURE_DISARMED', 'disarmed', 'nothing');
    await expect(stage({ failure }).capture.close()).resolves.toBeUndefined();
    await expect(stage({ failure, capturedPages: 10 }).capture.close()).rejects.toBe(failure);
  });

  test('passes other failures on', async () => {
    const failure = new CaptureError('CAPTURE_STORE_FULL', 'full', 'more');
    const { capture } = stage({ failure });
    expect(() => capture.pull(1)).toThrow(failure);
    await expect(stage({ failure }).capture.close()).rejects.toBe(failure);
  });
});

describe('copied memory', () => {
  test('needs no more memory at the cut than was reserved', () => {
    const copied = new CopiedMemory(PAGE);
    copied.reserve(4 * PAGE);
    const files = { read: (_: bigint, into: Uint8Array) => into.length };
    const buffers = [PLAN.copied.slice(0, 1), PLAN.copied.slice(0, 1)].map((ranges) => {
      copied.take(files, ranges, 0, 1);
      return copied.pull(9)[0]?.bytes.buffer;
    });
    expect(buffers[0]).toBe(buffers[1]);
  });
});
