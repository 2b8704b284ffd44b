import { memoryGuest } from '@stillframe/guests/memory';
import type { Capture, Guest } from '@stillframe/snapshot';
import { probe } from '@stillframe/uffd';
import { expect, test } from 'vitest';
import { oracleFor, type Workload, type WorkloadImage } from '../../src/workloads/index.ts';
import { withWorkload, writesDone } from './take-image.ts';

const { bestTier, tiers } = probe();
const [sync] = tiers;
const PAGE = 4096;

function guestOf(workload: Workload): Guest {
  return memoryGuest({
    regions: workload.memory.map((range) => ({ name: range.name, memory: range.view ?? range })),
    pause: () => workload.pause(),
    resume: () => workload.resume(),
    saveState: () => workload.saveState(),
    userModeOnly: bestTier !== 'sync-wp',
  });
}

/** Copies what is ready; pages that were never touched stay zero. Says how many pages came. */
function drain(capture: Capture, images: readonly Uint8Array[]): number {
  let pages = 0;
  for (const slab of capture.pull(64)) {
    let from = 0;
    for (const run of slab.runs) {
      pages += run.pageCount;
      if (run.kind === 'zero') continue;
      const sizeBytes = run.pageCount * PAGE;
      images[slab.region]!.set(slab.bytes.subarray(from, from + sizeBytes), run.firstPage * PAGE);
      from += sizeBytes;
    }
    slab.release();
  }
  return pages;
}

/** An image of the start, taken while the workload writes on: no page is swept before writers have met armed pages. */
async function captureUnderLoad(
  workload: Workload,
): Promise<WorkloadImage & { readonly faultPages: number }> {
  await using guest = guestOf(workload);
  const capture = await guest.open({ preImagesMaxBytes: 64 * 2 ** 20, overflow: 'spill' });
  const images = guest.regions.map(({ sizeBytes }) => new Uint8Array(sizeBytes));
  await guest.pause();
  const state = await guest.saveState();
  capture.arm();
  workload.phase('during');
  await guest.resume();
  await writesDone(workload, 2000);
  capture.grant(capture.pageCount, 0);
  // Not until all are captured: the last ones may still be on their way then.
  for (let pages = 0; pages < capture.pageCount; pages += drain(capture, images)) {
    // oxlint-disable-next-line no-await-in-loop -- until all pages are there
    await capture.wait();
  }
  const { faultPages } = capture.stats();
  await capture.close();
  return {
    state,
    regions: new Map(guest.regions.map(({ name, id }) => [name, images[id]!])),
    faultPages,
  };
}

test.for(['counter,size=16MiB,rate=0', 'kv,size=16MiB,rate=0', 'sqlite,rows=20000,size=16MiB,rate=0'])(
  'an image captured while %s writes on shows the cut',
  async (spec, context) => {
    // Without it nothing can be captured under load; in CI that is a failure, like every skip.
    if (!bestTier.startsWith('sync-wp')) context.skip(`no synchronous write protection: ${sync?.reason}`);
    await withWorkload(spec, async (workload) => {
      await writesDone(workload, 2000);
      const { faultPages, ...image } = await captureUnderLoad(workload);
      expect(faultPages).toBeGreaterThan(0);
      const report = await oracleFor(image.state.kind)!.verify(image);
      expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
      expect(report.ok).toBe(true);
      expect(workload.progress().writes).toBeGreaterThan(report.cut);
      expect(workload.failure()).toBeUndefined();
    });
  },
);
