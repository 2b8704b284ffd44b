import { describe, expect, it } from 'vitest';
import { NO_FAULTS, readFaults, waitsBetween } from '../src/fault-reading.ts';
import { WAIT_BUCKET_COUNT, waitBucketIndex } from '../src/index.ts';
import { SimulatedGuest, simulatedClock } from '../src/simulated/index.ts';
import { SinkMeter } from '../src/sink-meter.ts';
import { NO_STATS, stallUs } from '../src/stall.ts';
import { ROOMY } from './fixture.ts';

const NS_PER_MS = 1_000_000;

function written(
  meter: SinkMeter,
  clock: ReturnType<typeof simulatedClock>,
  ms: number,
  bytes: number,
): void {
  meter.handed(bytes);
  meter.started();
  clock.advance(ms * NS_PER_MS);
  meter.finished(bytes);
}

describe('a sink meter', () => {
  it('tells the longest write since the last look, and of all', () => {
    const clock = simulatedClock();
    const meter = new SinkMeter(clock);
    written(meter, clock, 5, 100);
    written(meter, clock, 2, 100);
    expect(meter.level().longestWriteNs).toBe(5 * NS_PER_MS);
    expect(meter.level().longestWriteNs).toBe(0);
    written(meter, clock, 1, 100);
    expect(meter.level().longestWriteNs).toBe(NS_PER_MS);
    expect(meter.numbers()).toMatchObject({ writes: 3, longestWriteMs: 5, backlogBytes: 0 });
  });

  it('counts a write that is still going on, and only while it is', () => {
    const clock = simulatedClock();
    const meter = new SinkMeter(clock);
    meter.handed(4096);
    meter.started();
    clock.advance(7 * NS_PER_MS);
    expect(meter.level()).toMatchObject({ longestWriteNs: 7 * NS_PER_MS, backlogBytes: 4096 });
    expect(meter.numbers()).toMatchObject({ writes: 0, longestWriteMs: 7 });
    meter.finished(4096);
    clock.advance(100 * NS_PER_MS);
    expect(meter.numbers()).toMatchObject({ writes: 1, longestWriteMs: 7, backlogBytes: 0 });
    expect(meter.level().longestWriteNs).toBe(7 * NS_PER_MS);
    expect(meter.level().longestWriteNs).toBe(0);
  });

  it('tells the recent rate', () => {
    const clock = simulatedClock();
    const meter = new SinkMeter(clock);
    for (let write = 0; write < 300; write++) written(meter, clock, 10, 1000);
    expect(meter.level().drainBytesPerSecond / 100_000).toBeCloseTo(1, 1);
    clock.advance(2000 * NS_PER_MS);
    expect(meter.level().drainBytesPerSecond).toBe(0);
  });
});

async function capturing() {
  const clock = simulatedClock();
  const guest = new SimulatedGuest({ clock, regions: [{ pageCount: 8 }] });
  const capture = await guest.open({ preImagesMaxBytes: 0, overflow: 'stall' });
  capture.arm();
  const faultOf = async (page: number, ms: number) => {
    const writing = guest.write(0, page, new Uint8Array([1]));
    clock.advance(ms * NS_PER_MS);
    for (const slab of capture.pull(1)) slab.release();
    await writing;
  };
  return { clock, guest, capture, faultOf };
}

describe('readings of faults', () => {
  it('are copies, so that a difference is one', async () => {
    const { capture, faultOf } = await capturing();
    await faultOf(0, 9);
    const first = readFaults(capture, NO_FAULTS);
    await faultOf(1, 1);
    const second = readFaults(capture, first);
    expect(waitsBetween(first, NO_FAULTS).maxNs).toBeGreaterThanOrEqual(9 * NS_PER_MS);
    const between = waitsBetween(second, first);
    expect(waitBucketIndex(between.maxNs)).toBe(waitBucketIndex(NS_PER_MS));
    expect(between.p50Ns).toBe(between.maxNs);
    expect(second).toMatchObject({ faults: 2, waitCount: 2 });
    await capture.close();
  });

  it('see a wait that ended after its event was seen', async () => {
    const { capture, guest } = await capturing();
    const writing = guest.write(0, 3, new Uint8Array([1]));
    const during = readFaults(capture, NO_FAULTS);
    expect(during).toMatchObject({ faults: 1, waitCount: 0 });
    for (const slab of capture.pull(1)) slab.release();
    await writing;
    const after = readFaults(capture, during);
    expect(after).toMatchObject({ faults: 1, waitCount: 1 });
    await capture.close();
  });

  it('are the same object when nothing happened', async () => {
    const { capture, faultOf, guest } = await capturing();
    await faultOf(0, 1);
    const reading = readFaults(capture, NO_FAULTS);
    expect(readFaults(capture, reading)).toBe(reading);
    const writing = guest.write(0, 3, new Uint8Array([1]));
    const during = readFaults(capture, reading);
    expect(readFaults(capture, during)).toBe(during);
    expect(waitsBetween(during, during)).toEqual({ p50Ns: 0, p99Ns: 0, maxNs: 0 });
    await capture.close();
    await writing;
    expect(ROOMY.overflow).toBe('stall');
  });
});

it('stalls are never above the longest wait, which is known exactly', () => {
  const faultWait = new Float64Array(WAIT_BUCKET_COUNT);
  faultWait[waitBucketIndex(1_000_000)] = 1;
  const stall = stallUs({ ...NO_STATS, faultWait, faultWaitMaxNs: 1_000_000 });
  expect(stall).toEqual({ p50: 1000, p99: 1000, p999: 1000, max: 1000 });
});
