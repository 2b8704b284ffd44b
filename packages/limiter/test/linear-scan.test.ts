import { describe, expect, it } from 'vitest';
import { quietObservation } from '../src/compliance.ts';
import { type Grant, linearScan, type LinearScanState, type Observation } from '../src/index.ts';

const MS = 1e6;
const T = 1e12;
const FULL_SPEED: LinearScanState = { waitsLeft: 0, waitUntilNs: null };

/** What the driver sees after the page of a fault went out, `latencyNs` after its event was read. */
function faultOut(latencyNs: number, changes: Partial<Observation> = {}): Observation {
  return quietObservation({ nowNs: T, faults: 1, lastFaultReadNs: T - latencyNs, ...changes });
}

/** What it sees after one page of the sweep went out. */
function sweepOut(nowNs: number, changes: Partial<Observation> = {}): Observation {
  return quietObservation({ nowNs, sweptPages: 1, ...changes });
}

const throttled = (waitsLeft: number): LinearScanState => ({ waitsLeft, waitUntilNs: T });
const seed = linearScan();
const step = (state: LinearScanState, observation: Observation) => seed.step(state, observation);

describe('each statement of the seed', () => {
  it('1. without write-tracking faults it never waits, however slow the sink', () => {
    let state = seed.initial(T);
    for (let page = 1; page <= 1000; page++) {
      const next = step(state, sweepOut(T + page * 100 * MS));
      expect(next.grant).toMatchObject({ pages: 2 ** 18, notBeforeNs: T + page * 100 * MS });
      ({ state } = next);
    }
    expect(state).toEqual(FULL_SPEED);
  });

  it('2. latency is from the read of the newest event until now', () => {
    const observation = quietObservation({ nowNs: T, faults: 3, lastFaultReadNs: T - 6 * MS });
    expect(step(FULL_SPEED, observation).state.waitsLeft).toBe(199);
    expect(step(FULL_SPEED, { ...observation, nowNs: T - MS }).state).toEqual(FULL_SPEED);
  });

  it('2. the wait of other faults is not looked at', () => {
    const faultWait = { p50Ns: 1e9, p99Ns: 1e9, maxNs: 1e9 };
    expect(step(FULL_SPEED, faultOut(MS, { faultWait })).state).toEqual(FULL_SPEED);
  });

  it.each([
    ['no read time', { faults: 1, lastFaultReadNs: 0 }],
    ['a read time left over from before', { faults: 0, lastFaultReadNs: T - 1e9 }],
  ])('2. measured once and cleared: %s means no latency', (_name, seen) => {
    const next = step(throttled(7), quietObservation({ nowNs: T, sweptPages: 1, ...seen }));
    expect(next.state.waitsLeft).toBe(6);
  });

  it.each([
    ['one below 5 ms', 5 * MS - 1, 0],
    ['5 ms', 5 * MS, 0],
    ['one above 5 ms', 5 * MS + 1, 199],
  ])('3. slow is strictly more than 5 ms: %s', (_name, latencyNs, waitsLeft) => {
    expect(step(FULL_SPEED, faultOut(latencyNs)).state.waitsLeft).toBe(waitsLeft);
  });

  it.each([0, 1, 150, 200])('3. the counter is set to 200, not added to, with %i left', (waitsLeft) => {
    expect(step(throttled(waitsLeft), faultOut(6 * MS)).state.waitsLeft).toBe(199);
  });

  it('4. with any waits left it waits 5 ms and spends one, the last one too', () => {
    const { state, grant } = step(throttled(1), sweepOut(T));
    expect(grant).toMatchObject({ pages: 1, notBeforeNs: T + 5 * MS });
    expect(state).toEqual({ waitsLeft: 0, waitUntilNs: T + 5 * MS });
    expect(step(state, sweepOut(T + 6 * MS)).grant.pages).toBe(2 ** 18);
  });

  it('4. the call that finds the slow fault waits and spends one itself', () => {
    const { state, grant } = step(FULL_SPEED, faultOut(6 * MS));
    expect(grant).toEqual({ pages: 1, notBeforeNs: T + 5 * MS, wakeOnFault: true, reason: 'throttled' });
    expect(state.waitsLeft).toBe(199);
  });

  it('4. what ended the wait does not matter: a quick fault spends one as a page of the sweep does', () => {
    expect(step(throttled(50), faultOut(MS)).state.waitsLeft).toBe(49);
    expect(step(throttled(50), sweepOut(T)).state.waitsLeft).toBe(49);
  });
});

describe('each consequence', () => {
  it('while throttled a fault ends the wait, and the next wait starts when its page is out', () => {
    const first = step(FULL_SPEED, faultOut(6 * MS));
    expect(first.grant.wakeOnFault).toBe(true);
    const fault = { nowNs: T + 2 * MS, lastFaultReadNs: T + MS };
    expect(step(first.state, faultOut(0, fault)).grant.notBeforeNs).toBe(T + 7 * MS);
  });

  it('after a slow fault 200 pages go out in one second, then full speed', () => {
    const { grants, state } = afterSlowFault(200);
    expect(grants.map(({ notBeforeNs }) => notBeforeNs)).toEqual(
      Array.from({ length: 200 }, (_, index) => T + (index + 1) * 5 * MS),
    );
    expect(grants.every(({ pages }) => pages === 1)).toBe(true);
    expect(step(state, sweepOut(T + 1000 * MS)).grant).toMatchObject({
      pages: 2 ** 18,
      notBeforeNs: T + 1000 * MS,
    });
  });

  it.each([4096, 2 ** 21, 2 ** 30])('a page of %i bytes spends one', (pageSize) => {
    expect(step(throttled(9), sweepOut(T, { pageSize })).state.waitsLeft).toBe(8);
  });

  it('a zero page spends one, though the sink got no bytes', () => {
    const sink = { longestWriteNs: 0, backlogBytes: 0, drainBytesPerSecond: 0 };
    expect(step(throttled(9), sweepOut(T, { sink })).state.waitsLeft).toBe(8);
  });

  it('a step in which no page went out neither spends nor waits again', () => {
    const { state, grant } = step(throttled(9), sweepOut(T));
    const early = step(state, quietObservation({ nowNs: T + MS }));
    const late = step(early.state, quietObservation({ nowNs: T + 5 * MS }));
    expect([early, late]).toEqual([
      { state, grant },
      { state, grant },
    ]);
  });

  it('no wait outlives a clock that steps back', () => {
    const back = step({ waitsLeft: 9, waitUntilNs: T }, quietObservation({ nowNs: 1e9 }));
    expect(back.state).toEqual({ waitsLeft: 9, waitUntilNs: 1e9 + 5 * MS });
    expect(step(back.state, quietObservation({ nowNs: 1e9 + MS })).grant.notBeforeNs).toBe(1e9 + 5 * MS);
  });

  it('grants nothing when nothing is left', () => {
    expect(step(FULL_SPEED, sweepOut(T, { pagesLeft: 0 })).grant.pages).toBe(0);
    expect(step(throttled(9), sweepOut(T, { pagesLeft: 0 })).grant.pages).toBe(0);
  });
});

it('takes its constants as options', () => {
  const tuned = linearScan({ slowFaultMs: '1ms', waitMs: '250us', waits: 3 });
  expect(tuned.step(FULL_SPEED, faultOut(MS)).state).toEqual(FULL_SPEED);
  expect(tuned.step(FULL_SPEED, faultOut(MS + 1)).state).toEqual({ waitsLeft: 2, waitUntilNs: T + 250_000 });
});

it('has fewer waits left when it takes over the state of a longer throttle', () => {
  expect(linearScan({ waits: 3 }).step(throttled(150), sweepOut(T)).state.waitsLeft).toBe(2);
});

/** The grants after a slow fault, each used at once when it becomes due, in no time. */
function afterSlowFault(count: number): { grants: Grant[]; state: LinearScanState } {
  let { state, grant } = step(FULL_SPEED, faultOut(6 * MS));
  const grants = [grant];
  while (grants.length < count) {
    ({ state, grant } = step(state, sweepOut(grant.notBeforeNs)));
    grants.push(grant);
  }
  return { grants, state };
}

it('re-tuned, it spends no more waits than it now has', () => {
  const held = { waitsLeft: 150, waitUntilNs: 1e12 };
  expect(linearScan({ waits: 100 }).adopt?.(held, 1e12)).toEqual({ waitsLeft: 100, waitUntilNs: 1e12 });
  expect(linearScan({ waits: 0 }).adopt?.(held, 1e12)).toEqual({ waitsLeft: 0, waitUntilNs: null });
});
