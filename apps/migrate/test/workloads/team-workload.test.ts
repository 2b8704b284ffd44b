import { describe, expect, test } from 'vitest';
import { startWorkload } from '../../src/workloads/index.ts';
import { memoryOf, takeImage, withWorkload, writesDone } from './take-image.ts';

const SPECS = ['counter,size=1MiB', 'kv,size=1MiB', 'sqlite,rows=100,size=8MiB'] as const;

describe.for(SPECS)('the workload %s', (spec) => {
  test('rests, goes on and ends, each as often as it is told to', async () => {
    await withWorkload(spec, async (workload) => {
      await writesDone(workload, 10);
      await workload.pause();
      await workload.pause();
      const atRest = { writes: workload.progress().writes, state: workload.saveState() };
      const memory = await workload.copyMemory();
      const again = await workload.copyMemory();
      expect(workload.progress().writes).toBe(atRest.writes);
      expect(workload.saveState()).toEqual(atRest.state);
      for (const [name, bytes] of memory) expect(Buffer.from(bytes).equals(again.get(name)!)).toBe(true);
      await workload.resume();
      await workload.resume();
      await writesDone(workload, 10);
      await workload.stop();
      await workload.stop();
      expect(workload.failure()).toBeUndefined();
      await expect(workload.pause()).rejects.toMatchObject({ code: 'WORKLOAD_STOPPED' });
    });
  });

  test('gives its state and its memory only at rest, and a copy of the state', async () => {
    await withWorkload(spec, async (workload) => {
      expect(() => workload.saveState()).toThrow(expect.objectContaining({ code: 'WORKLOAD_NOT_PAUSED' }));
      await expect(workload.copyMemory()).rejects.toMatchObject({ code: 'WORKLOAD_NOT_PAUSED' });
      await workload.pause();
      const { bytes } = workload.saveState();
      const saved = bytes.slice();
      await workload.resume();
      await writesDone(workload, 10);
      expect(bytes).toEqual(saved);
    });
  });

  test('says where its memory is', async () => {
    await withWorkload(spec, async (workload) => {
      const [range, ...others] = workload.memory;
      expect(others).toEqual([]);
      expect(range!.address % 4096n).toBe(0n);
      expect(range!.sizeBytes).toBe(Number(spec.match(/size=(\d)MiB/)![1]) * 2 ** 20);
      const image = await takeImage(workload);
      expect([...image.regions.keys()]).toEqual([range!.name]);
      expect(memoryOf(image).byteLength).toBe(range!.sizeBytes);
    });
  });

  test('times its writes under the phase in which they began', async () => {
    await withWorkload(spec, async (workload) => {
      await writesDone(workload, 10);
      workload.phase('during');
      await workload.pause();
      const { before } = workload.stalls();
      await workload.resume();
      await writesDone(workload, 10);
      const stalls = workload.stalls();
      expect(stalls.before).toEqual(before);
      expect(before.count).toBeGreaterThan(0);
      expect(stalls.during.count).toBeGreaterThan(0);
      expect(stalls.during.maxUs).toBeGreaterThan(0);
      expect(stalls.during.p50Us).toBeLessThanOrEqual(stalls.during.p99Us);
      expect(stalls.during.p999Us).toBeLessThanOrEqual(stalls.during.maxUs);
      expect(stalls.after.count).toBe(0);
    });
  });
});

test('the address of shared memory is that of its view', async () => {
  await withWorkload('counter,size=1MiB,fill=0,rate=0', async (workload) => {
    const { view, sizeBytes } = workload.memory[0]!;
    expect(view?.byteLength).toBe(sizeBytes);
    await writesDone(workload, 100);
    expect(view?.some((byte) => byte !== 0)).toBe(true);
  });
});

test('a writer that dies is reported, and pausing says so', async () => {
  await withWorkload('kv,size=1MiB,rate=0', async (workload) => {
    // Everything of the store but its header.
    workload.memory[0]!.view!.fill(0xff, 4096);
    await expect(writesDone(workload, 1e9)).rejects.toMatchObject({ code: 'WORKLOAD_WRITER_DIED' });
    expect(workload.failure()).toMatchObject({ code: 'WORKLOAD_WRITER_DIED', hint: expect.any(String) });
    await expect(workload.pause()).rejects.toBe(workload.failure());
    await workload.resume();
  });
});

test.for([
  ['counter', { size: 1 }],
  ['counter', { writers: 2, speed: 1 }],
  ['bank', {}],
] as const)('%s with %j does not start', async ([name, options]) => {
  await expect(async () => startWorkload({ name, options })).rejects.toMatchObject({ code: 'WORKLOAD_SPEC' });
});
