import { type Limiter, parseLimiter } from '@stillframe/limiter';
import {
  type Capture,
  type Guest,
  memorySink,
  restoreImage,
  type Sink,
  type SnapshotPhase,
  sourceOf,
  takeSnapshot,
} from '@stillframe/snapshot';
import { expect, test } from 'vitest';
import { memoryTarget } from '../src/io/memory-target.ts';
import { workloadGuest } from '../src/workload-guest.ts';
import { oracleFor, parseWorkload, startWorkload, type Workload } from '../src/workloads/index.ts';
import { needUserfaultfd } from './e2e/userfaultfd.ts';
import { writesDone } from './workloads/take-image.ts';

const MiB = 2 ** 20;
const capture = { preImagesMaxBytes: 8 * MiB, overflow: 'spill' } as const;

/** What happens in a snapshot, in order, as its guest, its limiter and its sink see it. */
type Moment = SnapshotPhase | 'saveState' | 'first pages';

interface Parts {
  readonly guest: Guest;
  readonly sink: Sink;
  readonly limiter: Limiter;
}

/** The same parts, which fire `cancel` in the middle of that moment. */
function cancelledAt(cancelMoment: Moment, cancel: AbortController, { guest, sink, limiter }: Parts): Parts {
  const at = (moment: Moment) => {
    if (moment === cancelMoment) cancel.abort(new Error(`cancelled at ${moment}`));
  };
  const watchedCapture = (inner: Capture): Capture => ({
    pageCount: inner.pageCount,
    arm() {
      at('arm');
      inner.arm();
    },
    pull: (maxSlabs) => inner.pull(maxSlabs),
    wait: (options) => inner.wait(options),
    grant(pages, notBeforeNs) {
      at('stream');
      inner.grant(pages, notBeforeNs);
    },
    stats: () => inner.stats(),
    close() {
      at('disarm');
      return inner.close();
    },
  });
  let writes = 0;
  let failEnd: ((reason: unknown) => void) | undefined;
  return {
    limiter,
    guest: {
      regions: guest.regions,
      pause() {
        at('pause');
        return guest.pause();
      },
      resume() {
        at('resume');
        return guest.resume();
      },
      saveState() {
        at('saveState');
        return guest.saveState();
      },
      async open(options) {
        at('prepare');
        return watchedCapture(await guest.open(options));
      },
      [Symbol.asyncDispose]: () => guest[Symbol.asyncDispose](),
    },
    sink: {
      write(iovecs) {
        writes += 1;
        // The first write is the head of the stream, the second the state.
        if (writes === 3) at('first pages');
        return sink.write(iovecs);
      },
      end() {
        at('end');
        // Once it has begun to end, only the sink knows whether the image is there: this one is told to abort in time.
        if (!cancel.signal.aborted) return sink.end();
        return new Promise((_, reject) => {
          failEnd = reject;
        });
      },
      async abort(reason) {
        await sink.abort(reason);
        failEnd?.(reason);
      },
    },
  };
}

async function expectCancelledSnapshot(guest: Guest, moment: Moment): Promise<void> {
  const cancel = new AbortController();
  const sink = memorySink({ maxBytes: 64 * MiB });
  const parts = cancelledAt(moment, cancel, { guest, sink, limiter: parseLimiter('none') });
  const run = takeSnapshot({ ...parts, capture, signal: cancel.signal });
  await expect(run.result).rejects.toMatchObject({
    code: 'aborted',
    cause: new Error(`cancelled at ${moment}`),
    failedCleanups: [],
  });
  expect(sink.image()).toBeUndefined();
}

async function expectCompleteSnapshot(guest: Guest): Promise<void> {
  const sink = memorySink({ maxBytes: 64 * MiB });
  await takeSnapshot({ guest, sink, limiter: parseLimiter('none'), capture }).result;
  const target = memoryTarget();
  try {
    await restoreImage({ source: sourceOf([sink.image()!]), target }).result;
    const image = target.image();
    const report = await oracleFor(image.state.kind)!.verify(image);
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.ok).toBe(true);
  } finally {
    await target.discard();
  }
}

async function withGuest(use: (guest: Guest, workload: Workload) => Promise<void>): Promise<void> {
  const workload = await startWorkload(parseWorkload('counter,size=4MiB,rate=0'));
  try {
    await using guest = workloadGuest(workload, {});
    await use(guest, workload);
  } finally {
    await workload.stop();
  }
}

const moments: readonly Moment[] = [
  'prepare',
  'pause',
  'saveState',
  'arm',
  'resume',
  'stream',
  'first pages',
  'disarm',
  'end',
];

test.for(moments)(
  'a snapshot cancelled at %s, then a complete one of the same guest',
  async (moment, context) => {
    needUserfaultfd(context);
    await withGuest(async (guest, workload) => {
      await expectCancelledSnapshot(guest, moment);
      // Whatever is armed or paused now stays so: the writers would not get through.
      await writesDone(workload, 5000);
      await expectCompleteSnapshot(guest);
      await writesDone(workload, 5000);
      expect(workload.failure()).toBeUndefined();
    });
  },
);

test('many cancelled snapshots leave nothing behind for the next', async (context) => {
  needUserfaultfd(context);
  await withGuest(async (guest, workload) => {
    for (let turn = 0; turn < 2 * moments.length; turn++) {
      // oxlint-disable-next-line no-await-in-loop -- one snapshot after the other
      await expectCancelledSnapshot(guest, moments[turn % moments.length]!);
    }
    await expectCompleteSnapshot(guest);
    await writesDone(workload, 5000);
    expect(workload.failure()).toBeUndefined();
  });
});
