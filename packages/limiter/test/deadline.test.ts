import { describe, expect, it } from 'vitest';
import { driveBuffered, quietObservation, type Scenario } from '../src/compliance.ts';
import { deadline, type Observation } from '../src/index.ts';

const PAGE = 4096;
const T = 1e12;
const S = 1e9;
const limiter = deadline({ afterMs: '10s', margin: 0.1 });

/** 1000 pages to go, at a time after the start. */
const see = (seconds: number, changes: Partial<Observation> = {}): Observation =>
  quietObservation({ nowNs: T + seconds * S, pagesLeft: 1000, bytesLeft: 1000 * PAGE, ...changes });
const started = limiter.step(limiter.initial(T), see(0)).state;
const moved = { sweptPages: 1 };

describe('the rate', () => {
  it.each([
    ['is what is left over the time without the margin', 0, {}, (1000 * PAGE) / 9],
    ['rises when nothing has been done', 5, moved, (1000 * PAGE) / 4],
    ['falls when faults have done it', 1, { ...moved, bytesLeft: 400 * PAGE }, (400 * PAGE) / 8],
    [
      'leaves time for what is in the store',
      1,
      {
        ...moved,
        preImages: { bytes: 3e9, maxBytes: 4e9 },
        sink: { longestWriteNs: 0, backlogBytes: 0, drainBytesPerSecond: 1e9 },
      },
      (1000 * PAGE) / 5,
    ],
    ['looks at a deadline that comes sooner', 1, { ...moved, deadlineNs: T + 6 * S }, (1000 * PAGE) / 4.4],
    ['and not at one that comes later', 1, { ...moved, deadlineNs: T + 60 * S }, (1000 * PAGE) / 8],
    ['stays while nothing happens', 5, {}, (1000 * PAGE) / 9],
    ['is at least a page a second', 1, { ...moved, bytesLeft: 1 }, PAGE],
  ])('%s', (_what, seconds, changes, rate) => {
    expect(limiter.step(started, see(seconds, changes)).state.rate).toBe(Math.ceil(rate));
  });

  it('is had from the first observation on', () => {
    const { state, grant } = limiter.step(limiter.initial(T), see(0));
    expect(state).toMatchObject({ rate: Math.ceil((1000 * PAGE) / 9) });
    expect(grant).toMatchObject({ pages: 27, notBeforeNs: T, reason: 'on time' });
  });
});

describe('everything goes at once', () => {
  it.each([
    ['when only the margin is left', limiter, started, see(9), 'no time left'],
    ['when it is late', limiter, started, see(100), 'no time left'],
    ['when there is no deadline', deadline(), deadline().initial(T), see(0), 'no deadline'],
  ])('%s', (_what, subject, state, observation, reason) => {
    const { grant } = subject.step(state, observation);
    expect(grant).toMatchObject({ pages: 1000, notBeforeNs: observation.nowNs, reason });
  });

  it('but not before', () => {
    expect(limiter.step(started, see(8.99)).grant.pages).toBeLessThan(1000);
  });
});

it('takes the deadline of the driver when it has none of its own', () => {
  const { state, grant } = deadline({ margin: 0 }).step(
    limiter.initial(T),
    see(0, { deadlineNs: T + 4 * S }),
  );
  expect(state.rate).toBe(250 * PAGE);
  expect(grant.reason).toBe('on time');
});

describe('a capture is finished in time, and not much sooner', () => {
  const base = { pageCount: 20_000, pageSize: PAGE, storePages: 1024, sink: { bytesPerSecond: 1e9 } };
  const stall = { everyNs: 1.5 * S, lastsNs: S };
  it.each<Scenario>([
    { ...base, name: 'with a quiet guest' },
    { ...base, name: 'with faults', faultEveryNs: 1e6 },
    { ...base, name: 'with faults at the beginning', faultEveryNs: 1e5, faultCount: 5000 },
    { ...base, name: 'with a sink that stalls', sink: { bytesPerSecond: 1e8, stall } },
  ])('$name', (scenario) => {
    const { finished, endNs, sweeps } = driveBuffered(deadline({ afterMs: '10s' }), scenario);
    expect(finished).toBe(true);
    const lastSweepNs = sweeps.at(-1)?.atNs ?? 0;
    expect((endNs - T) / S).toBeLessThanOrEqual(10);
    expect((lastSweepNs - T) / S).toBeGreaterThan(8);
  });
});
