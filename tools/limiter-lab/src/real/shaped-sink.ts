import { setTimeout as sleep } from 'node:timers/promises';
import type { Sink } from '@stillframe/snapshot';
import { monotonicClock } from '@stillframe/snapshot';
import type { SinkModel } from '../sink-shape.ts';
import type { TimelineRecorder } from '../timeline.ts';

/** Waits of less than half a millisecond are left to the next write: timers are no finer. The model keeps the account. */
const SHORTEST_WAIT_NS = 500_000;

/** A sink that takes as long as the model says, from the first write on, and keeps nothing. */
export function shapedSink(model: SinkModel, timeline: TimelineRecorder, cutNs: () => number): Sink {
  let startNs: number | undefined;
  let isOpen = true;
  const abort = new AbortController();
  return {
    async write(iovecs) {
      if (!isOpen) throw new Error('the sink is closed');
      const nowNs = monotonicClock.nowNs();
      startNs ??= nowNs;
      const bytes = iovecs.reduce((sum, iovec) => sum + iovec.byteLength, 0);
      const waitNs = model.writeEndNs(nowNs - startNs, bytes) - (nowNs - startNs);
      if (waitNs >= SHORTEST_WAIT_NS)
        await sleep(Math.ceil(waitNs / 1e6), undefined, { signal: abort.signal });
      const [fromNs, toNs] = [nowNs - cutNs(), monotonicClock.nowNs() - cutNs()];
      timeline.addSpan('takenBytes', fromNs, toNs, bytes);
      timeline.addSpan('sinkNs', fromNs, toNs, toNs - fromNs);
    },
    async end() {
      isOpen = false;
    },
    async abort() {
      isOpen = false;
      abort.abort();
    },
  };
}
