import * as v from 'valibot';
import type { Limiter, Observation } from '../limiter.ts';
import { numberOption } from '../options.ts';
import { definePolicy } from '../policy.ts';
import { validateOptions } from '../validate.ts';
import { toWhole } from '../whole.ts';
import { MAX_BUCKET_BYTES } from './bucket-level.ts';
import { type CodelQueue, judgeQueue, openQueue } from './codel-queue.ts';
import { elapse } from './elapsed.ts';
import { heldPages, pageSizeOf } from './rate-bucket.ts';

/** The queue's history, and how many bytes of the sweep may be captured and not yet taken by the sink. */
export interface CodelState extends CodelQueue {
  readonly windowBytes: number;
  readonly lastNs: number;
}

const MS = 1e6;
const MAX_MS = 60_000;

/** What a sender that is told of congestion keeps of its window: TCP's answer to a loss. */
const WINDOW_KEPT = 0.5;

const options = v.strictObject({
  targetMs: v.optional(
    numberOption({
      kind: 'duration',
      description: 'how long a page may stay in the store',
      min: 0.01,
      max: MAX_MS,
    }),
    5,
  ),
  intervalMs: v.optional(
    numberOption({
      kind: 'duration',
      description: 'a stay above the target for this long narrows the sweep’s window',
      min: 1,
      max: MAX_MS,
    }),
    100,
  ),
  minWindow: v.optional(
    numberOption({
      kind: 'bytes',
      description:
        'window that keeps the sink busy: never narrower, and a store with no more in it is no queue',
      min: 4096,
      max: MAX_BUCKET_BYTES,
    }),
    '4MiB',
  ),
});

/** Options of `codel`, as a caller writes them. */
export type CodelOptions = v.InferInput<typeof options>;

export const codelPolicy = definePolicy({
  name: 'codel',
  summary: 'controlled delay: narrows what the sweep may have in the store while pages stay there too long',
  options,
  create: build,
});

/** @throws {LimiterConfigError} */
export function codel(input: CodelOptions = {}): Limiter<CodelState> {
  return build(validateOptions(codelPolicy, input));
}

/**
 * The sweep is a sender with a window, and the pre-image store is the queue that CoDel (RFC 8289) watches. Where CoDel would drop a packet,
 * the window is halved; while the queue is good and the window is used up, it grows by `minWindow` an interval.
 *
 * Like CoDel it decides only when pages leave, so a sink that stands still decides nothing; the window is bound enough meanwhile.
 */
function build({ targetMs, intervalMs, minWindow }: v.InferOutput<typeof options>): Limiter<CodelState> {
  const terms = { targetNs: targetMs * MS, intervalNs: intervalMs * MS, floorBytes: minWindow };
  return {
    name: 'codel',
    initial: (nowNs) => ({ ...openQueue(), windowBytes: MAX_BUCKET_BYTES, lastNs: toWhole(nowNs) }),
    adopt: (before) => ({ ...before, windowBytes: Math.max(minWindow, before.windowBytes) }),
    step(before, observation) {
      const stayNs = stayOf(observation);
      if (stayNs === undefined) return { state: before, grant: grantOf(before, observation) };
      const { elapsedNs, lastNs } = elapse(before.lastNs, observation.nowNs);
      const bytes = toWhole(observation.preImages.bytes);
      const { queue, narrow, good } = judgeQueue(before, { stayNs, bytes, elapsedNs }, terms);
      const held = heldPages(observation) * pageSizeOf(observation);
      const used = Math.min(before.windowBytes, Math.max(held, minWindow));
      const growth = good && held * 2 >= before.windowBytes ? (minWindow * elapsedNs) / terms.intervalNs : 0;
      const windowBytes = narrow
        ? Math.max(minWindow, used * WINDOW_KEPT)
        : Math.min(MAX_BUCKET_BYTES, before.windowBytes + growth);
      const state = { ...queue, windowBytes, lastNs };
      return { state, grant: grantOf(state, observation) };
    },
  };
}

/**
 * The shortest stay of the pages that have left the store since the last observation, as CoDel wants it; undefined when none has left.
 * Where the driver does not measure it, what is in the store over the rate at which the sink drains it.
 */
function stayOf({ preImages, sink, sweptPages, faults }: Observation): number | undefined {
  if (preImages.sojourn !== undefined) {
    return preImages.sojourn.maxNs > 0 ? toWhole(preImages.sojourn.minNs) : undefined;
  }
  if (!(sweptPages > 0 || faults > 0)) return undefined;
  const drain = toWhole(sink.drainBytesPerSecond);
  return drain === 0 ? 0 : toWhole((toWhole(preImages.bytes) / drain) * 1e9);
}

function grantOf({ windowBytes }: CodelState, observation: Observation) {
  const held = heldPages(observation);
  const room = Math.floor(windowBytes / pageSizeOf(observation)) - held;
  // A page larger than the window goes alone.
  const pages = Math.min(toWhole(observation.pagesLeft), Math.max(room, held === 0 ? 1 : 0));
  return {
    pages,
    notBeforeNs: toWhole(observation.nowNs),
    wakeOnFault: false,
    reason: windowBytes < MAX_BUCKET_BYTES ? 'window' : 'no queue',
  };
}
