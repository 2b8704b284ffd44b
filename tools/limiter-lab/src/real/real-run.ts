import { createRequire } from 'node:module';
import { memoryGuest } from '@stillframe/guests/memory';
import { limiterFromConfig } from '@stillframe/limiter';
import { pageCodec } from '@stillframe/page-codec';
import { monotonicClock, takeSnapshot, WAIT_BUCKET_COUNT } from '@stillframe/snapshot';
import { Mapping } from '@stillframe/uffd';
import { SINK_SHAPES } from '../sink-shape.ts';
import { HeldBack } from '../sim/steps.ts';
import { TimelineRecorder } from '../timeline.ts';
import { PATTERNS, WORKLOADS } from '../workload.ts';
import type { RealFigures, RealRequest } from './request.ts';
import { shapedSink } from './shaped-sink.ts';

// real-run REQUEST: one snapshot of real memory under real writers, in a process of its own, because a thread in a page fault that nobody
// answers ends only with its process. Prints one JSON object. The request is our own main program's, so it is believed.

/** guest/addon.c */
interface Addon {
  fill(address: number, bytes: number): void;
  start(
    address: number,
    bytes: number,
    writers: number,
    writesPerSecond: number,
    onNs: number,
    offNs: number,
    pattern: number,
  ): boolean;
  pause(): void;
  resume(): void;
  count(counts: boolean | number): void;
  stop(counts: Float64Array, totals: Float64Array, slow: Float64Array): number;
}

const SLOW_WRITES_MAX = 65_536;

async function run(request: RealRequest): Promise<RealFigures> {
  const addon: Addon = createRequire(import.meta.url)(request.addon);
  const workload = WORKLOADS.find(({ name }) => name === request.workload)!;
  const shape = SINK_SHAPES.find(({ name }) => name === request.sink)!;
  const memory = new Mapping({ sizeBytes: request.guestBytes });
  const address = Number(memory.address);
  addon.fill(address, request.guestBytes);
  const pattern = PATTERNS.indexOf(workload.pattern);
  const { writers, writesPerSecond, onMs, offMs } = workload;
  if (!addon.start(address, request.guestBytes, writers, writesPerSecond, onMs * 1e6, offMs * 1e6, pattern)) {
    throw new Error('the writers could not be started');
  }
  addon.resume();

  let cutNs = Number.POSITIVE_INFINITY;
  let steps = 0;
  const timeline = new TimelineRecorder();
  const heldBack = new HeldBack(timeline);
  // Fault and sweep pages between two steps belong to the time between them.
  let seen = { atNs: 0, pagesLeft: request.guestBytes / 4096 };
  const guest = memoryGuest({
    regions: [{ name: 'memory', memory }],
    pause: () => addon.pause(),
    resume() {
      addon.count(1);
      addon.resume();
      cutNs = monotonicClock.nowNs();
    },
  });
  const summary = await takeSnapshot({
    guest,
    sink: shapedSink(shape.open(request.guestBytes), timeline, () => Math.min(cutNs, monotonicClock.nowNs())),
    limiter: limiterFromConfig(request.limiter),
    codec: pageCodec,
    capture: request.capture,
    onLimiterStep(step) {
      const { nowNs, preImages, pagesLeft, guestWritePagesPerSecond = 0 } = step.observation;
      const atNs = nowNs - cutNs;
      steps += 1;
      heldBack.step(step, atNs);
      timeline.add('heldBytes', atNs, preImages.bytes);
      const captured = Math.max(0, seen.pagesLeft - pagesLeft);
      const byFault = Math.min(captured, (guestWritePagesPerSecond * (atNs - seen.atNs)) / 1e9);
      timeline.addSpan('faultPages', seen.atNs, atNs, byFault);
      timeline.addSpan('sweptPages', seen.atNs, atNs, captured - byFault);
      seen = { atNs, pagesLeft };
    },
  }).result;
  addon.count(0);

  const counts = new Float64Array(WAIT_BUCKET_COUNT);
  const totals = new Float64Array(2);
  const slow = new Float64Array(2 * SLOW_WRITES_MAX);
  const slowCount = addon.stop(counts, totals, slow);
  for (let i = 0; i < slowCount; i++) timeline.add('stallNs', slow[2 * i]! - cutNs, slow[2 * i + 1]!);
  return {
    totalNs: summary.streamMs * 1e6,
    longestNs: totals[0]!,
    sumNs: totals[1]!,
    counts: [...counts.entries()].filter(([, count]) => count > 0),
    pages: summary.pages,
    faultPages: summary.faultPages,
    sweptPages: summary.sweptPages,
    takenPages: summary.faultPages + summary.sweptPages,
    heldBytesMax: summary.preImageBytesMax,
    spilledBytesMax: summary.spilledBytesMax,
    limiterSteps: steps,
    timeline: timeline.finish(),
  };
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? '{}'))));
