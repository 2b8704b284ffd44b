import { describe, expect, test } from 'vitest';
import { predictConvergence, writtenWithin } from '../../src/dirty-rate/convergence.ts';

const MIB = 2 ** 20;

/** A guest that never writes the same page twice. */
const steady = (bytesPerSecond: number) => [
  { intervalMs: 100, bytes: bytesPerSecond / 10 },
  { intervalMs: 1000, bytes: bytesPerSecond },
];

describe('the prediction of a pre-copy', () => {
  test('a guest at rest takes one round, and nothing is left', () => {
    const found = predictConvergence({
      memoryBytes: 100 * MIB,
      bandwidthBytesPerSecond: 100 * MIB,
      downtimeMs: 300,
      curve: [{ intervalMs: 100, bytes: 0 }],
    });
    expect(found).toMatchObject({ converges: true, totalBytes: 100 * MIB, etaMs: 1000, downtimeMs: 0 });
  });

  test('each round is as long as what the one before it left', () => {
    const found = predictConvergence({
      memoryBytes: 800 * MIB,
      bandwidthBytesPerSecond: 100 * MIB,
      downtimeMs: 1000,
      curve: steady(50 * MIB),
    });
    expect(found.converges).toBe(true);
    expect(found.rounds.map(({ bytes }) => bytes / MIB)).toEqual([800, 400, 200, 100]);
    expect(found.downtimeMs).toBe(1000);
    expect(found.etaMs).toBe(15_000);
  });

  test('a guest that writes faster than the link does not converge; and the link that it takes does', () => {
    const options = { memoryBytes: 800 * MIB, downtimeMs: 1000, curve: steady(200 * MIB) };
    const found = predictConvergence({ ...options, bandwidthBytesPerSecond: 100 * MIB });
    expect(found.converges).toBe(false);
    expect(found.downtimeMs).toBe(8000);
    const needed = found.neededBytesPerSecond!;
    expect(predictConvergence({ ...options, bandwidthBytesPerSecond: needed * 1.01 }).converges).toBe(true);
    expect(predictConvergence({ ...options, bandwidthBytesPerSecond: needed * 0.98 }).converges).toBe(false);
  });

  test('a small working set converges however often it is written', () => {
    const curve = [
      { intervalMs: 100, bytes: 8 * MIB },
      { intervalMs: 200, bytes: 8 * MIB },
    ];
    const found = predictConvergence({
      memoryBytes: 800 * MIB,
      bandwidthBytesPerSecond: 100 * MIB,
      downtimeMs: 300,
      curve,
    });
    expect(found).toMatchObject({ converges: true, totalBytes: 808 * MIB });
  });

  test('between the points the curve is a line, beyond them it goes on, up to all of memory', () => {
    const curve = [
      { intervalMs: 100, bytes: 10 },
      { intervalMs: 200, bytes: 30 },
    ];
    expect([0, 50, 150, 200, 300, 1e6].map((ms) => writtenWithin(curve, ms, 100))).toEqual([
      0, 5, 20, 30, 50, 100,
    ]);
  });
});
