import { type Limiter, none, type Observation } from '@stillframe/limiter';
import { describe, expect, it } from 'vitest';
import { nullSink, takeSnapshot } from '../src/index.ts';
import { Barrier } from '../src/simulated/index.ts';
import { failureOf, INLINE, ROOMY, SMALL, smallGuest, snapshotOptions, TestSink } from './fixture.ts';

const NS_PER_MS = 1_000_000;
const PAGE = 4096;

/** Sees what a limiter is asked, and lets everything be swept. */
function watching(): { limiter: Limiter; seen: Observation[] } {
  const seen: Observation[] = [];
  const limiter: Limiter<null> = {
    ...none(),
    step: (state, observation) => {
      seen.push(observation);
      return none().step(state, observation);
    },
  };
  return { limiter, seen };
}

const HEAD = 0;
const STATE = 1;
const FIRST_PAGES = 2;

/** A snapshot whose write number `stalled` takes 450 ms. */
function stalling(stalled: number, capture = ROOMY) {
  const { guest, clock } = smallGuest({ regions: [{ pageCount: 64 }] });
  const sink = new TestSink();
  sink.onWrite = (index) => (index === stalled ? clock.after(450) : undefined);
  const { limiter, seen } = watching();
  const run = takeSnapshot(snapshotOptions(guest, sink, { clock, limiter, capture }));
  return { run, seen, sink };
}

const stallsMs = (seen: readonly Observation[]) =>
  seen.map(({ sink }) => sink.longestWriteNs / NS_PER_MS).filter((ms) => ms > 0);

function outOfTokens(): never {
  throw new Error('out of tokens');
}

const ms = (minMs: number, maxMs: number, oldestMs: number) => ({
  minNs: minMs * NS_PER_MS,
  maxNs: maxMs * NS_PER_MS,
  oldestNs: oldestMs * NS_PER_MS,
});

describe('a write that stalls', () => {
  it('is seen in the first observation when it was that of the head', async () => {
    const { run, seen } = stalling(HEAD);
    await run.result;
    expect(seen[0]!.sink.longestWriteNs).toBe(450 * NS_PER_MS);
    expect(stallsMs(seen)).toEqual([450]);
  });

  it.for([
    ['the state', STATE],
    ['pages', FIRST_PAGES],
  ] as const)('is seen while it goes on, and at its full length: %s', async ([, index]) => {
    const { run, seen } = stalling(index);
    await run.result;
    expect(stallsMs(seen)).toEqual([100, 200, 300, 400, 450]);
  });

  it.for([STATE, FIRST_PAGES])(
    'is seen inline when it is over, as nothing is swept meanwhile',
    async (index) => {
      const { run, seen } = stalling(index, INLINE);
      await run.result;
      expect(stallsMs(seen)).toEqual([450]);
    },
  );

  it('is told of END too, while it goes on and after it', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const end = new Barrier();
    sink.onWrite = async () => {
      if (guest.steps.at(-1) !== 'close') return;
      await clock.after(450);
      end.lift();
    };
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, progressIntervalMs: 100 }));
    const during: number[] = [];
    for await (const event of run) {
      if (event.type === 'progress' && event.progress.phase === 'end' && !end.isLifted)
        during.push(event.progress.sink.longestWriteMs);
    }
    expect(during).toEqual([100, 200, 300, 400]);
    expect((await run.result).sink.longestWriteMs).toBe(450);
  });

  it('falls out of the drain rate while it goes on, and is spread over its time when it is over', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 64 }] });
    const sink = new TestSink();
    sink.onWrite = (index) =>
      index < FIRST_PAGES ? undefined : clock.after(index === FIRST_PAGES ? 4000 : 1);
    const { limiter, seen } = watching();
    await takeSnapshot(snapshotOptions(guest, sink, { clock, limiter })).result;
    const during = seen.filter(({ sink: { longestWriteNs } }) => longestWriteNs === 3900 * NS_PER_MS);
    expect(during.map(({ sink: { drainBytesPerSecond } }) => drainBytesPerSecond)).toEqual([0]);
    const after = seen.findLast(({ sink: { longestWriteNs } }) => longestWriteNs === 4000 * NS_PER_MS)!;
    const taken = sink.writeSizes[FIRST_PAGES]!;
    expect(after.sink.drainBytesPerSecond / (taken / 4)).toBeCloseTo(1, 1);
  });

  it('is not lost to a limiter that cannot be used', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 64 }] });
    const sink = new TestSink();
    const { limiter, seen } = watching();
    sink.onWrite = async (index) => {
      if (index !== FIRST_PAGES) return;
      await clock.after(50);
      expect(() => run.useLimiter({ ...none(), step: outOfTokens })).toThrow('out of tokens');
    };
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, limiter }));
    await run.result;
    expect(stallsMs(seen)).toEqual([50, 50]);
  });
});

describe('the store', () => {
  it('shows how long pages stay: those that have left, and the oldest that is there', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 16 }] });
    const sink = new TestSink();
    // 16 pages make one slab: captured and pulled at once, taken after 250 ms.
    sink.onWrite = (index) => (index === FIRST_PAGES ? clock.after(250) : undefined);
    const stopAfter: Limiter<number> = {
      name: 'half and half',
      initial: () => 0,
      // Eight pages, and the rest when the first have left.
      step: (asked, observation) => {
        seen.push(observation);
        const pages = asked === 0 || observation.pagesLeft === 16 || observation.sweptPages > 0 ? 8 : 0;
        return { state: asked + 1, grant: { pages, notBeforeNs: 0, wakeOnFault: false } };
      },
    };
    const seen: Observation[] = [];
    await takeSnapshot(snapshotOptions(guest, sink, { clock, limiter: stopAfter })).result;
    const sojourns = seen.map(({ preImages }) => preImages.sojourn);
    expect(sojourns[0]).toEqual(ms(0, 0, 0));
    expect(sojourns).toContainEqual(ms(0, 0, 100));
    expect(sojourns).toContainEqual(ms(0, 0, 200));
    expect(sojourns).toContainEqual(ms(250, 250, 0));
    expect(sojourns.at(-1)).toEqual(ms(0, 0, 0));
  });

  it('shows what it holds while the sink stalls', async () => {
    const { run, seen } = stalling(FIRST_PAGES, SMALL);
    await run.result;
    const held = seen.filter(({ sink }) => sink.longestWriteNs > 0).map(({ preImages }) => preImages.bytes);
    expect(Math.min(...held.slice(0, 4))).toBeGreaterThanOrEqual(PAGE);
  });
});

describe('the guest', () => {
  it('shows how many pages it writes first, over the last second', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 1000 }] });
    const { limiter, seen } = watching();
    const stopped: Limiter = {
      ...limiter,
      step: (state, observation) => {
        const step = limiter.step(state, observation);
        const isEnough = observation.pagesLeft < 600;
        return isEnough ? step : { ...step, grant: { ...step.grant, pages: 0, notBeforeNs: 0 } };
      },
    };
    const write = async () => {
      for (let page = 0; page < 500; page++) {
        // oxlint-disable-next-line no-await-in-loop -- 200 pages a second
        await clock.after(5);
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await guest.write(0, page, new Uint8Array([1]));
      }
    };
    const sink = new TestSink();
    let writing: Promise<void> | undefined;
    sink.onWrite = (index) => {
      if (index === STATE) writing = write();
    };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, limiter: stopped })).result;
    await writing;
    expect(seen[0]!.guestWritePagesPerSecond).toBe(0);
    const late = seen.filter(({ pagesLeft }) => pagesLeft > 600 && pagesLeft < 800);
    expect(late.length).toBeGreaterThan(3);
    for (const { guestWritePagesPerSecond } of late)
      expect(guestWritePagesPerSecond! / 200).toBeCloseTo(1, 1);
  });
});

it('a sink that fails during a stall is told at once', async () => {
  const { guest, clock } = smallGuest({ regions: [{ pageCount: 64 }] });
  const sink = new TestSink();
  sink.onWrite = async (index) => {
    if (index !== FIRST_PAGES) return;
    await clock.after(250);
    throw new Error('disk full');
  };
  const startNs = clock.nowNs();
  const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock })).result);
  expect(failure.code).toBe('sink-failed');
  expect(clock.nowNs() - startNs).toBe(250 * NS_PER_MS);
});

it('a snapshot without stalls asks once a batch', async () => {
  const { guest, clock } = smallGuest({ regions: [{ pageCount: 64 }] });
  const { limiter, seen } = watching();
  await takeSnapshot(snapshotOptions(guest, nullSink(), { clock, limiter })).result;
  expect(seen.length).toBe(1 + 64 / 16);
});
