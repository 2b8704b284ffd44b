import { linearScan, type Limiter, none, type Observation, tokenBucket } from '@stillframe/limiter';
import { describe, expect, it } from 'vitest';
import { nullSink, takeSnapshot } from '../src/index.ts';
import { Barrier } from '../src/simulated/index.ts';
import {
  collect,
  memoryDifference,
  INLINE,
  ROOMY,
  restored,
  SMALL,
  smallGuest,
  snapshotOptions,
  TestSink,
} from './fixture.ts';

const NS_PER_MS = 1_000_000;

/** A limiter that shows what it is asked and grants as `limiter` does. */
function watched<State>(limiter: Limiter<State>, look: (observation: Observation) => void): Limiter<State> {
  return {
    name: limiter.name,
    initial: (nowNs) => limiter.initial(nowNs),
    step: (state, observation) => {
      look(observation);
      return limiter.step(state, observation);
    },
  };
}

describe('with a store', () => {
  it('the next batch is encoded while the sink is busy, and no further one', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 100 }] });
    const sink = new TestSink();
    const reached = new Barrier();
    const release = new Barrier();
    sink.onWrite = (index) => {
      if (index !== 2) return undefined;
      reached.lift();
      return release.lifted;
    };
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock }));
    await reached.lifted;
    // Let the pump do all that it wants to do while the write goes on.
    await clock.after(1);
    expect(sink.writes).toBe(3);
    expect(guest.capture?.slabsOnLoan).toBe(2);
    expect(run.progress()).toMatchObject({ capturedPages: 32, takenPages: 0 });
    expect(run.progress().sink.backlogBytes).toBeGreaterThan(32 * 4096);
    release.lift();
    await run.result;
  });

  it('a slab is released only when its write has resolved', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 64 }] });
    const sink = new TestSink();
    // The simulated store writes over released slabs, and this sink copies late: an early release would show.
    sink.onWrite = () => clock.after(3);
    await takeSnapshot(snapshotOptions(guest, sink, { clock, capture: SMALL })).result;
    expect(memoryDifference((await restored(sink.image())).memory, guest.memoryAtCut)).toBe('');
  });

  it('four slabs go out in one write', async () => {
    const { guest, clock } = smallGuest({ regions: Array.from({ length: 20 }, () => ({ pageCount: 2 })) });
    const sink = new TestSink();
    sink.onWrite = async (index) => {
      if (index !== 1) return;
      // One slab for each region.
      await Promise.all(guest.regions.map(({ id }) => guest.write(id, 0, new Uint8Array([1]))));
    };
    const stopped = { pages: 0, notBeforeNs: 0, wakeOnFault: true };
    let steps = 0;
    const limiter: Limiter<null> = {
      ...none(),
      step: (state, observation) =>
        steps++ < 6 ? { state, grant: stopped } : none().step(state, observation),
    };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, limiter })).result;
    const page = 4096;
    const [, , ...sizes] = sink.writeSizes;
    expect(sizes.slice(0, 5).map((bytes) => Math.floor(bytes / page))).toEqual([4, 4, 4, 4, 4]);
  });

  it('a fault overtakes the sweep', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 64 }] });
    const sink = new TestSink();
    const causes: string[] = [];
    sink.onWrite = async (index) => {
      if (index === 2) await guest.write(0, 63, new Uint8Array([1]));
    };
    const open = guest.open.bind(guest);
    guest.open = async (options) => {
      const capture = await open(options);
      const pull = capture.pull.bind(capture);
      capture.pull = (maxSlabs) => {
        const slabs = pull(maxSlabs);
        causes.push(...slabs.map(({ cause }) => cause));
        return slabs;
      };
      return capture;
    };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, capture: SMALL })).result;
    const at = causes.indexOf('fault');
    expect(at).toBeGreaterThan(0);
    expect(at).toBeLessThan(5);
    expect(causes.length).toBeGreaterThan(30);
  });

  it('tells the limiter what the sink has taken, and what it has not', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 64 }] });
    const sink = new TestSink();
    sink.onWrite = () => clock.after(2);
    const seen: Observation[] = [];
    const limiter = watched(none(), (observation) => seen.push(observation));
    await takeSnapshot(snapshotOptions(guest, sink, { clock, limiter })).result;
    const first = seen[0]!;
    expect(first).toMatchObject({
      pagesLeft: 64,
      bytesLeft: 64 * 4096,
      pageSize: 4096,
      sweptPages: 0,
      faults: 0,
    });
    expect(first.preImages.maxBytes).toBe(ROOMY.preImagesMaxBytes);
    expect(seen.reduce((sum, { sweptPages }) => sum + sweptPages, 0)).toBe(64);
    expect(Math.max(...seen.map(({ sweptPagesHeld = 0 }) => sweptPagesHeld))).toBeGreaterThan(0);
    expect(seen.at(-1)?.sweptPagesHeld).toBe(0);
    const longest = seen.slice(1).map(({ sink: level }) => level.longestWriteNs);
    expect(Math.min(...longest)).toBe(2 * NS_PER_MS);
    expect(seen.at(-1)!.sink.drainBytesPerSecond).toBeGreaterThan(0);
    expect(seen.at(-1)!.sink.backlogBytes).toBe(0);
  });

  it('tells the limiter of a fault when the sink has its page', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 64 }] });
    const sink = new TestSink();
    let faultNs = 0;
    sink.onWrite = async (index) => {
      if (index === 3) {
        faultNs = clock.nowNs();
        await guest.write(0, 63, new Uint8Array([1]));
      }
      await clock.after(2);
    };
    const seen: Observation[] = [];
    const limiter = watched(none(), (observation) => seen.push(observation));
    await takeSnapshot(snapshotOptions(guest, sink, { clock, limiter, capture: SMALL })).result;
    const withFaults = seen.filter(({ faults }) => faults > 0);
    expect(withFaults).toMatchObject([{ faults: 1, lastFaultReadNs: faultNs }]);
    // The write in which it came, perhaps one that was encoded before, and its own.
    expect(withFaults[0]!.nowNs - faultNs).toBeGreaterThanOrEqual(4 * NS_PER_MS);
    expect(seen.filter(({ lastFaultReadNs }) => lastFaultReadNs > 0).length).toBe(1);
  });

  it('is not asked again while pages that were swept are not accounted', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 20 }] });
    const steps: number[] = [];
    const limiter = watched(none(), ({ nowNs }) => steps.push(nowNs));
    const holdUntilNs = clock.nowNs() + 1000 * NS_PER_MS;
    const open = guest.open.bind(guest);
    guest.open = async (options) => {
      const capture = await open(options);
      const pull = capture.pull.bind(capture);
      const stats = capture.stats.bind(capture);
      // A page that the sweeper has and that is not ready to be pulled.
      capture.pull = (maxSlabs) => (clock.nowNs() < holdUntilNs ? [] : pull(maxSlabs));
      capture.stats = () => ({ ...stats(), ...(clock.nowNs() < holdUntilNs ? { sweptPages: 1 } : {}) });
      capture.wait = () => clock.after(150);
      return capture;
    };
    await takeSnapshot(snapshotOptions(guest, nullSink(), { clock, limiter })).result;
    expect(steps.filter((atNs) => atNs < holdUntilNs).length).toBe(1);
  });

  it('is asked again while nothing moves', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 20 }] });
    const startNs = clock.nowNs();
    const seenMs: number[] = [];
    const limiter: Limiter<null> = {
      ...none(),
      step: (state, observation) => {
        seenMs.push((observation.nowNs - startNs) / NS_PER_MS);
        // Nothing before a second has passed; it does not say so.
        if (seenMs.at(-1)! >= 1000) return none().step(state, observation);
        return { state, grant: { pages: 1, notBeforeNs: startNs + 1e12, wakeOnFault: false } };
      },
    };
    await takeSnapshot(snapshotOptions(guest, nullSink(), { clock, limiter })).result;
    expect(seenMs.slice(0, 4)).toEqual([0, 100, 200, 300]);
  });

  it('keeps to a rate', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 256 }] });
    const limiter = tokenBucket({ rate: 1024 * 1024, burst: 16 * 4096 });
    const startNs = clock.nowNs();
    await takeSnapshot(snapshotOptions(guest, nullSink(), { clock, limiter, capture: ROOMY })).result;
    const seconds = (clock.nowNs() - startNs) / 1e9;
    // 1 MiB at 1 MiB/s, of which the burst is free.
    expect(seconds).toBeGreaterThan(0.9);
    expect(seconds).toBeLessThan(1.1);
  });
});

describe('inline', () => {
  it('the limiter is asked after each single page, faults in between', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 20 }] });
    const sink = new TestSink();
    sink.onWrite = async (index) => {
      if (index === 6) void guest.write(0, 19, new Uint8Array([1]));
      await clock.after(1);
    };
    const seen: Observation[] = [];
    const limiter = watched(none(), (observation) => seen.push(observation));
    await takeSnapshot(snapshotOptions(guest, sink, { clock, limiter, capture: INLINE })).result;
    const pages = seen.slice(1);
    expect(pages.length).toBe(20);
    expect(pages.map(({ sweptPages, faults }) => sweptPages + faults)).toEqual(Array(20).fill(1));
    expect(pages.map(({ pagesLeft }) => pagesLeft)).toEqual(
      Array.from({ length: 20 }, (_, index) => 19 - index),
    );
    const fault = pages.find(({ faults }) => faults === 1)!;
    // The seed reads the event when the page's turn has come: what the writer waited before is not seen.
    expect(fault.nowNs - fault.lastFaultReadNs).toBe(NS_PER_MS);
    expect(fault.faultWait.maxNs).toBeGreaterThanOrEqual(2 * NS_PER_MS);
  });

  it('no grant is for more than one page', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 20 }] });
    const granted: number[] = [];
    const open = guest.open.bind(guest);
    guest.open = async (options) => {
      const capture = await open(options);
      const grant = capture.grant.bind(capture);
      capture.grant = (pages, notBeforeNs) => {
        granted.push(pages);
        grant(pages, notBeforeNs);
      };
      return capture;
    };
    await takeSnapshot(snapshotOptions(guest, nullSink(), { clock, capture: INLINE })).result;
    expect(granted).toEqual([...Array(20).fill(1), 0]);
  });

  it('nothing is done ahead: one page, one write', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 20 }] });
    const sink = new TestSink();
    const onLoan: number[] = [];
    sink.onWrite = async () => {
      await clock.after(1);
      onLoan.push(guest.capture?.slabsOnLoan ?? 0);
    };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, capture: INLINE })).result;
    // Head and state, 20 pages, END.
    expect(onLoan).toEqual([0, 0, ...Array(20).fill(1), 0]);
  });

  it('linear-scan: after a slow fault 200 waits of 5 ms, one page each, then full speed', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 400 }] });
    const sink = new TestSink();
    const writtenNs: number[] = [];
    const slow = 100;
    sink.onWrite = async (index) => {
      if (index === slow - 1) void guest.write(0, 399, new Uint8Array([1]));
      if (index === slow) await clock.after(5.001);
      writtenNs.push(clock.nowNs());
    };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, limiter: linearScan(), capture: INLINE }))
      .result;
    const gapsMs = writtenNs.slice(1).map((atNs, index) => (atNs - writtenNs[index]!) / NS_PER_MS);
    const waits = gapsMs.filter((gapMs) => gapMs === 5);
    // The slow fault's own pass spends one of the 200, and its wait comes before the next page.
    expect(waits.length).toBe(200);
    expect(gapsMs.slice(0, slow - 1)).toEqual(Array(slow - 1).fill(0));
    expect(gapsMs.slice(slow, slow + 200)).toEqual(Array(200).fill(5));
    expect(gapsMs.slice(slow + 200)).toEqual(Array(gapsMs.length - slow - 200).fill(0));
  });

  it('linear-scan: exactly 5 ms is not slow', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 40 }] });
    const sink = new TestSink();
    sink.onWrite = async (index) => {
      if (index === 9) void guest.write(0, 39, new Uint8Array([1]));
      if (index === 10) await clock.after(5);
    };
    const events = await collect(
      takeSnapshot(snapshotOptions(guest, sink, { clock, limiter: linearScan(), capture: INLINE })),
    );
    const reasons = events.flatMap((event) => (event.type === 'limiter' ? [event.grant.reason] : []));
    expect(reasons).toEqual(['full speed']);
  });

  it('linear-scan: a fault ends a wait early', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 40 }] });
    const sink = new TestSink();
    const writtenNs: number[] = [];
    sink.onWrite = async (index) => {
      if (index === 9) void guest.write(0, 39, new Uint8Array([1]));
      if (index === 10) {
        await clock.after(6);
        void clock.after(2).then(() => guest.write(0, 38, new Uint8Array([1])));
      }
      writtenNs.push(clock.nowNs());
    };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, limiter: linearScan(), capture: INLINE }))
      .result;
    const gapsMs = writtenNs.slice(1).map((atNs, index) => (atNs - writtenNs[index]!) / NS_PER_MS);
    expect(gapsMs.slice(9, 13)).toEqual([6, 2, 5, 5]);
  });
});
