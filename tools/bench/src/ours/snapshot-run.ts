import { setTimeout as sleep } from 'node:timers/promises';
import { memoryGuest } from '@stillframe/guests/memory';
import { parseLimiter } from '@stillframe/limiter';
import { pageCodec } from '@stillframe/page-codec';
import { takeSnapshot, WAIT_BUCKET_COUNT } from '@stillframe/snapshot';
import type { SnapshotRequest } from '../ours.ts';
import { type Addon, PHASE_AFTER, PHASE_DURING } from './addon.ts';
import { mapGuest } from './guest-memory.ts';
import { watchMemory } from './memory-watch.ts';
import { openSink } from './sinks.ts';

/** As in peers/fault_handler.c. */
const WARM_UP_MS = 200;

/** A snapshot by the orchestrator, with the native codec. */
export async function runSnapshot(addon: Addon, request: SnapshotRequest): Promise<object> {
  const memory = mapGuest(addon, request.bytes, 'base');
  const sink = await openSink(request.sink, memory, request.preImagesMaxBytes);
  const writing = await startWriters(addon, Number(memory.address), request);
  const guest = memoryGuest({
    regions: [{ name: 'memory', memory }],
    pause: writing.pause,
    resume: writing.resume,
  });
  const watch = watchMemory(addon);
  const summary = await takeSnapshot({
    guest,
    sink,
    limiter: parseLimiter(request.limiter),
    codec: pageCodec,
    capture: { preImagesMaxBytes: request.preImagesMaxBytes, overflow: request.overflow },
  }).result;
  const growthBytes = watch.stop();
  return {
    streamMs: summary.streamMs,
    totalMs: summary.durationMs,
    pauseMs: summary.pauseMs,
    faults: summary.faults,
    preImageBytesMax: summary.preImageBytesMax,
    spilledBytesMax: summary.spilledBytesMax,
    growthBytes,
    ...writing.stop(),
  };
}

interface Writing {
  readonly pause: () => void;
  readonly resume: () => void;
  readonly stop: () => { longestNs: number; counts: [number, number][] };
}

async function startWriters(
  addon: Addon,
  address: number,
  { bytes, load }: SnapshotRequest,
): Promise<Writing> {
  if (load === undefined) {
    return { pause: () => {}, resume: () => {}, stop: () => ({ longestNs: 0, counts: [] }) };
  }
  if (!addon.writersStart(address, bytes, load.writers, load.writesPerSecond)) {
    throw new Error('the writers could not be started');
  }
  await sleep(WARM_UP_MS);
  return {
    pause: () => addon.writersPause(),
    resume() {
      addon.writersEnter(PHASE_DURING);
      addon.writersResume();
    },
    stop() {
      addon.writersEnter(PHASE_AFTER);
      const counts = new Float64Array(WAIT_BUCKET_COUNT);
      const longestNs = addon.writersStop(counts);
      return { longestNs, counts: [...counts.entries()].filter(([, count]) => count > 0) };
    },
  };
}
