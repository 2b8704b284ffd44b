import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DirtyRange, trackProcess } from '../src/tracking/index.ts';
import { type Target, TargetProgram } from './target.ts';

const PAGE = 4096;

/** Addresses of pages, relative to a region of the puppet. */
function pagesIn(ranges: readonly DirtyRange[], target: Target, region: number): number[] {
  const { address, sizeBytes } = target.made(`region-${region}`);
  return ranges
    .flatMap(({ start, pageCount, pageSize }) =>
      Array.from({ length: pageCount }, (_, at) => Number(start - address) / PAGE + (at * pageSize) / PAGE),
    )
    .filter((page) => page >= 0 && page < sizeBytes / PAGE);
}

let program: TargetProgram;
beforeAll(() => {
  program = new TargetProgram('puppet');
});
afterAll(() => program[Symbol.asyncDispose]());

describe('tracking another process', () => {
  test('tells what it has written, and leaves nothing behind', async () => {
    const target = await program.start('');
    const tracker = await trackProcess({ pid: target.pid, filter: ['shared'] });
    try {
      expect(tracker.sizeBytes).toBe(64 * PAGE);
      expect(await tracker.collect()).toEqual([]);
      await target.write(1, 3, new Uint8Array([1]));
      await target.write(1, 4, new Uint8Array([1]));
      await target.write(0, 31, new Uint8Array([1]));
      const ranges = await tracker.collect();
      expect(pagesIn(ranges, target, 0)).toEqual([31]);
      expect(pagesIn(ranges, target, 1)).toEqual([3, 4]);
      expect(ranges.every(({ mapping }) => mapping.path.includes('/dev/zero'))).toBe(true);
      expect(await tracker.collect()).toEqual([]);
    } finally {
      await tracker.close();
      await tracker.close();
    }
    await expect(tracker.collect()).rejects.toThrow(/closed/);
    const status = readFileSync(`/proc/${target.pid}/status`, 'utf8');
    expect(status).toMatch(/^TracerPid:\t0$/m);
    expect(readFileSync(`/proc/${target.pid}/smaps`, 'utf8')).not.toMatch(/^VmFlags:.* uw/m);
    await target.write(0, 1, new Uint8Array([2]));
  });

  test('private memory that came to be counts as written, and its first page names its mapping', async () => {
    const target = await program.start('');
    const tracker = await trackProcess({ pid: target.pid });
    try {
      // Each write is made by a thread of its own, with a stack.
      await target.write(0, 1, new Uint8Array([1]));
      const ranges = await tracker.collect();
      expect(ranges.length).toBeGreaterThan(0);
      for (const { start, mapping } of ranges) expect(start).toBeGreaterThanOrEqual(mapping.start);
    } finally {
      await tracker.close();
    }
  });

  test('a process that has ended is told by name', async () => {
    const target = await program.start('');
    const tracker = await trackProcess({ pid: target.pid, filter: ['shared'] });
    try {
      await target.end();
      await expect(tracker.collect()).rejects.toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^PROCESS_/) }),
      );
    } finally {
      await tracker.close();
    }
  });

  test('what cannot be tracked is refused before it is touched', async () => {
    await expect(trackProcess({ pid: process.pid })).rejects.toThrow(
      expect.objectContaining({ code: 'PROCESS_SELF' }),
    );
  });
});
