import path from 'node:path';
import { probe } from '@stillframe/uffd';
import { waitBucketIndex, waitTotal } from '@stillframe/snapshot';
import { describe, expect, it } from 'vitest';
import { contestants } from '../src/policies.ts';
import { compareWithReal } from '../src/real/compare.ts';
import { compileGuest } from '../src/real/compile.ts';
import { realRunner } from '../src/real/real-runs.ts';
import { cache } from './global-setup.ts';
import { MIB, sink, workload } from './small.ts';

/** What global-setup.ts bundled. */
const PROGRAM = path.join(cache, 'real-run.js');
const STRICT = ['-Wpedantic', '-Wshadow', '-Wconversion', '-Werror'];

/** Why nothing can run here, printed; undefined when it can. */
function whyNot(): string | undefined {
  const tier = probe().tiers.find(({ name }) => name === 'sync-wp');
  if (tier?.available === true) return undefined;
  const reason = `no write protection by userfaultfd here: ${tier?.reason}`;
  console.warn(`skipped: ${reason}`);
  return reason;
}

it('the writers compile without a warning', async () => {
  await expect(compileGuest(STRICT)).resolves.toMatch(/\.node$/);
});

describe.skipIf(whyNot() !== undefined)('real runs', () => {
  it.each(['steady', 'bursty', 'hot-set', 'scan'])(
    '%s: every page once, every write counted',
    async (load) => {
      const runner = await realRunner(PROGRAM, STRICT);
      const run = await runner.run({
        workload: load,
        sink: 'slow',
        limiter: 'none',
        guestBytes: 8 * MIB,
        capture: { preImagesMaxBytes: 2 * MIB, overflow: 'spill' },
      });
      expect(run.faultPages + run.sweptPages).toBe(2048);
      expect(run.faultPages).toBeGreaterThan(0);
      expect(run.limiterSteps).toBeGreaterThan(0);
      expect(waitTotal(run.writes.counts)).toBeGreaterThan(run.faultPages / 2);
      // The two definitions of the histogram, in C and in @stillframe/snapshot, put the longest write into the same bucket.
      const { counts, longestNs, sumNs } = run.writes;
      expect(counts.findLastIndex((count) => count > 0)).toBe(waitBucketIndex(longestNs));
      expect(sumNs).toBeGreaterThanOrEqual(longestNs);
      const taken = run.timeline.series.takenBytes.reduce((sum, bytes) => sum + bytes, 0);
      expect(taken).toBeGreaterThan(8 * MIB);
    },
  );

  it('stand beside their simulation', async () => {
    const compared = await compareWithReal(await realRunner(PROGRAM, STRICT), {
      scenarios: [{ workload: workload('steady'), sink: sink('slow'), guestBytes: 8 * MIB }],
      contestants: contestants('spill').taking.filter(
        ({ id }) => id === 'gentle' || id === 'linear-scan inline',
      ),
      preImagesMaxBytes: 2 * MIB,
      seed: 1,
      rounds: 1,
      progress: () => {},
    });
    expect(compared.map(({ contestant }) => contestant)).toEqual(['linear-scan inline', 'gentle']);
    for (const { real, simulated } of compared) {
      // 8 MiB at 50 MB/s: both have the same sink.
      expect(real.totalMs).toBeGreaterThan(100);
      expect(simulated.totalMs).toBeGreaterThan(100);
    }
  });

  it('that fail say why', async () => {
    const runner = await realRunner(PROGRAM, STRICT);
    const capture = { preImagesMaxBytes: 2 * MIB, overflow: 'spill' } as const;
    const request = { workload: 'steady', sink: 'slow', limiter: 'nonesuch', guestBytes: MIB, capture };
    await expect(runner.run(request)).rejects.toMatchObject({ code: 'LAB_RUN_FAILED', exitCode: 1 });
    await expect(runner.run(request)).rejects.toThrow(/nonesuch/);
  });
});
