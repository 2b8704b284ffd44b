import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { waitBucketIndex } from '@stillframe/snapshot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MIB } from '../src/benchmark.ts';
import type { Writes } from '../src/load.ts';
import type { Ours, SnapshotRequest } from '../src/ours.ts';
import type { Peers } from '../src/peers.ts';
import { bothSides, whyNot } from './compiled.ts';

const BYTES = 8 * MIB;
const PAGES = BYTES / 4096;
const LOAD = { writers: 2, writesPerSecond: 20_000 };

let peers: Peers;
let ours: Ours;
let folder: string;

beforeAll(async () => {
  ({ peers, ours } = await bothSides());
  folder = await mkdtemp('/dev/shm/stillframe-bench-test-');
});
afterAll(() => rm(folder, { recursive: true }));

/** The two definitions of the histogram, in C and in @stillframe/snapshot, put the longest write into the same bucket. */
function expectWrites({ counts, longestNs }: Writes): void {
  expect(longestNs).toBeGreaterThan(0);
  expect(counts.findLastIndex((count) => count > 0)).toBe(waitBucketIndex(longestNs));
}

describe.skipIf(whyNot() !== undefined)('the peers', () => {
  test.each(['base', 'huge', 'untouched'] as const)('arm %s', async (kind) => {
    expect((await peers.arm(BYTES, kind)).ns).toBeGreaterThan(0);
  });

  test.each(['ring', 'whole', 'release'] as const)('copy: %s', async (form) => {
    expect((await peers.copy(BYTES, 'base', form)).ns).toBeGreaterThan(0);
  });

  test.each(['fresh', 'existing'] as const)('a %s file has all bytes', async (state) => {
    const file = path.join(folder, `peer-${state}`);
    await peers.writeFile(BYTES, file, state);
    const bytes = await readFile(file);
    expect(bytes.byteLength).toBe(BYTES);
    const blocks = Array.from({ length: BYTES / MIB }, (_, i) =>
      bytes.toString('latin1', i * MIB, (i + 1) * MIB),
    );
    expect(new Set(blocks).size).toBe(blocks.length);
  });

  test('the reader counts what the sender sends', async () => {
    const { port, received } = await peers.discard();
    await peers.sendTcp(BYTES, port);
    expect(await received()).toBe(BYTES);
  });

  test('the handler serves faults, with and without a sweep', async () => {
    const alone = await peers.handleFaults(BYTES, LOAD, { durationMs: 50, sweeps: false });
    expectWrites(alone.writes);
    expect(alone.faults).toBeGreaterThan(0);
    const swept = await peers.handleFaults(BYTES, LOAD, { durationMs: 50, sweeps: true });
    expect(swept.faults).toBeLessThan(PAGES);
  });

  test('fork() leaves a whole image and says what was copied', async () => {
    const file = path.join(folder, 'fork');
    const { writes, extraBytes, pauseMs, totalMs } = await peers.fork(BYTES, LOAD, file);
    expectWrites(writes);
    expect((await stat(file)).size).toBe(BYTES);
    expect(extraBytes).toBeGreaterThan(0);
    expect(pauseMs).toBeLessThan(totalMs);
  });

  test('a peer that fails says why', async () => {
    await expect(peers.writeFile(BYTES, path.join(folder, 'none/there'), 'fresh')).rejects.toThrow(
      /none\/there: No such file/,
    );
  });
});

describe.skipIf(whyNot() !== undefined)('our side', () => {
  const request: SnapshotRequest = {
    bytes: BYTES,
    sink: { kind: 'null' },
    limiter: 'none',
    preImagesMaxBytes: 4 * MIB,
    overflow: 'spill',
  };

  test('arms and sweeps', async () => {
    expect((await ours.arm(BYTES, 'base', false)).ns).toBeGreaterThan(0);
    expect((await ours.arm(BYTES, 'base', true)).ns).toBeGreaterThan(0);
    expect((await ours.sweep(BYTES, 'huge')).ns).toBeGreaterThan(0);
  });

  test('memory that was never touched stays untouched', async () => {
    expect(await ours.captureUntouched(BYTES)).toEqual({ residentBytes: 0, dataBytes: 0, zeroPages: PAGES });
  });

  test('the same writers write, and the histogram is the same', async () => {
    const { writes, faults, growthBytes } = await ours.snapshot({
      ...request,
      sink: { kind: 'slow', bytesPerSecond: 32 * MIB },
      load: LOAD,
    });
    expectWrites(writes);
    expect(faults).toBeGreaterThan(0);
    expect(growthBytes).toBeGreaterThan(0);
  });

  test('a fresh file is the app’s image file, an existing one is written over', async () => {
    const fresh = path.join(folder, 'fresh');
    await ours.snapshot({ ...request, sink: { kind: 'fresh', path: fresh } });
    expect((await stat(fresh)).size).toBeGreaterThan(BYTES);
    const existing = path.join(folder, 'existing');
    await ours.snapshot({ ...request, sink: { kind: 'existing', path: existing } });
    expect((await stat(existing)).size).toBe(BYTES + 16 * MIB);
  });

  test('everything arrives at the reader', async () => {
    const { port, received } = await peers.discard();
    await ours.snapshot({ ...request, sink: { kind: 'tcp', port } });
    expect(await received()).toBeGreaterThan(BYTES);
  });

  test('what goes wrong in its process is told', async () => {
    const sink = { kind: 'fresh', path: path.join(folder, 'none/there') } as const;
    await expect(ours.snapshot({ ...request, sink })).rejects.toThrow(/ENOENT/);
    expect(existsSync(sink.path)).toBe(false);
  });
});
